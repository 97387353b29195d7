import { type Adapter, allRulesOf } from '../src/adapters/adapter.ts';
import { destinationsOf, secretsOf, settingsSchemaOf } from '../src/adapters/settings.ts';
import { type ChannelRules, PLAIN_SESSIONS, TIMER_KINDS } from '../src/domain/policy/channel-rules.ts';
import { formatDuration } from '../src/domain/time/duration.ts';
import { table } from './markdown.ts';

/** Renders docs/channels.md: every built-in adapter with its settings and abilities. */
export function channelsPage(adapters: readonly Adapter[]): string {
  return `# Channels

\`npm run generate\` writes this page from the adapters in \`src/adapters\`.

A channel is an account's configured instance of an adapter. Create one with
\`createChannel(input: { name, adapterId, settings })\`. Secrets are encrypted at rest and never shown again. A destination is an
address that messages and secrets are sent to: \`updateChannel\` changes it only if the same call sets all secrets of the channel,
and fails with \`SECRETS_NEEDED\` otherwise. Providers call the channel's \`webhookPath\`, below \`LULL_PUBLIC_URL\`. An adapter of
your own is one file: [writing-an-adapter.md](writing-an-adapter.md).

${table(
  ['adapter', 'can reopen', 'business can start', 'reply window', 'repeated sends shown once', 'tiers'],
  adapters.map(({ id, rules, variants }) => [
    `[\`${id}\`](#${id})`,
    yes(rules.canReopen),
    yes(rules.businessInitiated),
    rules.replyWindow === null ? 'none' : formatDuration(rules.replyWindow),
    yes(rules.idempotentSends),
    variants ? Object.keys(variants.of).join(', ') : '–',
  ]),
)}
${adapters.map(section).join('')}`;
}

function section(adapter: Adapter): string {
  const { properties = {}, required = [] } = settingsSchemaOf(adapter);
  const marks = [
    ['secret', secretsOf(adapter)],
    ['destination', destinationsOf(adapter)],
  ] as const;
  const settings = Object.entries(properties).map(([name, schema]) => {
    const {
      description = '',
      default: byDefault,
      enum: values,
    } = schema as {
      description?: string;
      default?: unknown;
      enum?: unknown[];
    };
    const kind = required.includes(name)
      ? 'required'
      : byDefault === undefined
        ? '–'
        : JSON.stringify(byDefault);
    const more = [
      ...(values ? [values.join(', ')] : []),
      ...marks.flatMap(([mark, names]) => (names.includes(name) ? [mark] : [])),
    ];
    return [`\`${name}\``, kind, [description, ...more].filter(Boolean).join('; ')];
  });
  const sets = [...new Set(allRulesOf(adapter).map(words))];
  return `
## ${adapter.id}

${adapter.name}. ${sets.join(' ')}

${table(['setting', 'default', 'meaning'], settings)}
`;
}

/** Describes the rules that differ between channels. */
function words(rules: ChannelRules): string {
  const { tier } = rules.sessions ?? PLAIN_SESSIONS;
  const missing = TIMER_KINDS.filter((kind) => rules.bounds[kind] === null);
  const capped = TIMER_KINDS.flatMap((kind) => {
    const bounds = rules.bounds[kind];
    return bounds ? [`${kind} at most ${formatDuration(bounds.max)}`] : [];
  });
  const says = [
    ...(missing.length > 0 ? [`no ${missing.join(', ')}`] : []),
    ...capped,
    `texts up to ${rules.textLimits.closeMessage} characters`,
    `opt-out words ${rules.optOutWords.join(', ')}`,
  ];
  return `${tier === 'STANDARD' ? 'Standard tier' : 'Rules'}: ${says.join('; ')}.`;
}

function yes(is: boolean): string {
  return is ? 'yes' : 'no';
}
