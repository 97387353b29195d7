import { type Adapter, allRulesOf } from '../src/adapters/adapter.ts';
import { destinationsOf, secretsOf, settingsSchemaOf } from '../src/adapters/settings.ts';
import { type ChannelRules, PLAIN_SESSIONS, TIMER_KINDS } from '../src/domain/policy/channel-rules.ts';
import { formatDuration } from '../src/domain/time/duration.ts';
import { table } from './markdown.ts';

/** docs/channels.md: every adapter that comes along, what it is set up with and what it can do. */
export function channelsPage(adapters: readonly Adapter[]): string {
  return `# Channels

Made from the adapters in \`src/adapters\`; \`npm run generate\` writes it. A channel is an account's configured instance of
an adapter, made with \`createChannel(input: { name, adapterId, settings })\`. Secrets are encrypted at rest and never shown
again. A destination is an address that messages and secrets are sent to: \`updateChannel\` changes it only together with
every secret of the channel, given anew, or answers SECRETS_NEEDED. Providers report what happens at the channel's
\`webhookPath\`, below \`LULL_PUBLIC_URL\`. An adapter of your own is one file:
[writing-an-adapter.md](writing-an-adapter.md).

${table(
  ['adapter', 'may be reopened', 'business may begin', 'reply window', 'sent twice, seen once', 'tiers'],
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
      ? 'needed'
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

${table(['setting', 'default', ''], settings)}
`;
}

/** What a set of rules says that not every channel does. */
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
