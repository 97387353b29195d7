import { lexicographicSortSchema, printSchema } from 'graphql';
import { builder } from './builder.ts';
import './scalars.ts';
import './errors.ts';
import './account.ts';
import './activity.ts';
import './adapter.ts';
import './agent.ts';
import './bulk.ts';
import './calendar.ts';
import './channel.ts';
import './circuit-breaker.ts';
import './commands.ts';
import './effect.ts';
import './erase.ts';
import './exempt-tags.ts';
import './outage.ts';
import './pause.ts';
import './profile.ts';
import './skill.ts';
import './changes.ts';
import './conversations.ts';
import './closing.ts';
import './key.ts';
import './ended.ts';
import './events-after.ts';
import './explanation.ts';
import './layer.ts';
import './report.ts';
import './rules-version.ts';
import './run.ts';
import './webhook-endpoint.ts';
import './webhook-setup.ts';
import './webhook-sending.ts';

/** The whole API. */
export const schema = builder.toSchema();

/** The API in GraphQL's own language, as it is committed. */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`;
}
