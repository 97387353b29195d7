import { lexicographicSortSchema, printSchema } from 'graphql';
import { builder } from './core/builder.ts';
import './core/scalars.ts';
import './core/errors.ts';
import './account/account.ts';
import './conversation/record-activities.ts';
import './channel/adapter.ts';
import './agent/agent.ts';
import './conversation/bulk-end.ts';
import './policy/calendar.ts';
import './channel/channel.ts';
import './channel/circuit-breaker.ts';
import './conversation/commands.ts';
import './webhook/undelivered-effect.ts';
import './conversation/erase.ts';
import './policy/exempt-tags.ts';
import './policy/outage.ts';
import './policy/pause.ts';
import './policy/profile.ts';
import './agent/skill.ts';
import './conversation/subscription-stream.ts';
import './conversation/conversations.ts';
import './conversation/closing.ts';
import './account/key.ts';
import './conversation/conversations-ended.ts';
import './conversation/events-after.ts';
import './conversation/explanation.ts';
import './policy/layer.ts';
import './report/report.ts';
import './policy/rules-version.ts';
import './report/run.ts';
import './webhook/webhook-endpoint.ts';
import './webhook/webhook-setup.ts';
import './webhook/webhook-sending.ts';

/** The GraphQL schema; importing the files above has added their types to the builder. */
export const schema = builder.toSchema();

/** The schema in SDL, sorted, as committed in schema.graphql. */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`;
}
