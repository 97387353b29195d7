import { setTimeout as sleep } from 'node:timers/promises';
import { type ServiceProcess, spawnService } from '../support/service.ts';

/** A process of the service that is restarted whenever it exits unexpectedly, as a supervisor does. */
type Member = { process: ServiceProcess; isWanted: boolean };

/** The processes of a service. */
export type Crew = {
  /** Starts another process of a role; `options` are passed to Node. */
  start(name: string, role: 'api' | 'worker', options?: readonly string[]): Promise<void>;
  /** Asks a process to stop, and waits until it has. @throws if it exits with an error */
  leave(name: string): Promise<void>;
  kill(name: string, signal: NodeJS.Signals): void;
  said(name: string): string;
  /** Waits until all started processes run. */
  allUp(): Promise<void>;
  /** The last errors in the log of each process. */
  errors(): string;
  /** The exits that were unexpected or failed. */
  ends(): readonly string[];
  close(): Promise<void>;
};

const RESTART_AFTER_MS = 100;
const UP_WITHIN_MS = 45_000;

/** `envOf`: the environment of a process, by its name. */
export function openCrew(envOf: (name: string) => NodeJS.ProcessEnv): Crew {
  const members = new Map<string, Member>();
  const ends: string[] = [];

  function run(name: string, program: readonly string[]): void {
    const process = spawnService(envOf(name), ...program);
    const member: Member = { process, isWanted: true };
    members.set(name, member);
    void process.ended.then(async ({ code, signal }) => {
      if (!member.isWanted) return;
      ends.push(`${kindOf(name)} ${signal ?? code}`);
      await sleep(RESTART_AFTER_MS);
      if (member.isWanted) run(name, program);
    });
  }
  const memberOf = (name: string): Member => {
    const member = members.get(name);
    if (member === undefined) throw new Error(`there is no ${name}`);
    return member;
  };
  const isUp = ({ process }: Member) => process.said().includes('Lull is running');

  async function allUp(): Promise<void> {
    const until = Date.now() + UP_WITHIN_MS;
    for (;;) {
      const down = [...members].filter(([, member]) => !isUp(member));
      if (down.length === 0) return;
      if (Date.now() > until)
        throw new Error(`${down.map(([name, { process }]) => `${name} is not up: ${process.said()}`)}`);
      await sleep(25);
    }
  }

  return {
    async start(name, role, options = []) {
      run(name, [...options, 'src/cli.ts', 'serve', '--role', role]);
      await allUp();
    },
    async leave(name) {
      const member = memberOf(name);
      member.isWanted = false;
      member.process.kill('SIGTERM');
      const { code } = await member.process.ended;
      members.delete(name);
      if (code === 0) return;
      // It may leave messages to other workers if sending takes too long.
      ends.push(`${kindOf(name)} ${code} when asked`);
      if (code !== 1) throw new Error(`${name} ended with ${code}: ${member.process.said()}`);
    },
    kill: (name, signal) => memberOf(name).process.kill(signal),
    said: (name) => memberOf(name).process.said(),
    allUp,
    errors: () =>
      [...members].map(([name, { process }]) => `${name}: ${lastErrors(process.said())}`).join('\n'),
    ends: () => ends,
    async close() {
      for (const member of members.values()) {
        member.isWanted = false;
        member.process.kill('SIGCONT');
        member.process.kill('SIGKILL');
      }
      await Promise.all([...members.values()].map(({ process }) => process.ended));
    },
  };
}

/** The name of a worker does not matter. */
const kindOf = (name: string) => name.replace(/\d+$/, '');

/** Log levels of errors and above. */
const ERRORS = /"level":"?(error|fatal|50|60)/;

function lastErrors(said: string): string {
  const lines = said.split('\n').filter((line) => ERRORS.test(line));
  return lines.slice(-2).join('\n') || 'no errors';
}
