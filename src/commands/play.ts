import { ensureAgents, ensureSkills } from '../accounts/setup.ts';
import type { ServiceDeps } from '../engine.ts';
import { namesIn, type Played, playTimeline, type Timeline } from '../ingest/play-timeline.ts';

/** Plays a timeline into an account and creates the agents and skills that it names. */
export async function play(
  deps: ServiceDeps,
  timeline: Omit<Timeline, 'agents' | 'skills'>,
  onProgress: (done: number) => void = () => {},
): Promise<Played> {
  const { accountId, messages } = timeline;
  const agents = await ensureAgents(deps, accountId, namesIn(messages, 'agent'));
  const skills = await ensureSkills(deps, accountId, namesIn(messages, 'skill'));
  return await playTimeline(deps, { ...timeline, agents, skills }, async (done, caused) => {
    await deps.afterCommit(Promise.resolve({ result: undefined, caused }));
    onProgress(done);
  });
}
