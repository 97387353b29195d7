import { z } from 'zod';
import { InvalidInputError } from '../../domain/errors.ts';
import type { Adapter } from '../adapter.ts';
import { parseSettings } from '../registry.ts';
import { settingsSchemaOf } from '../settings.ts';
import { check, checkSame, thrownBy } from './check.ts';
import type { AdapterSamples, ContractCase } from './contract.ts';

/** A value that no message would contain by chance. */
const CANARY = 'canary-5d1f7c';

/** What holds for every adapter's name and the form of its settings: no sample is needed to tell. */
export function namingCases(adapter: Adapter): ContractCase[] {
  return [
    {
      name: 'has an id of lower-case words joined by hyphens, and a name',
      async run() {
        check(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(adapter.id), `the id is ${adapter.id}`);
        check(adapter.name.trim() !== '', 'the name is empty');
      },
    },
    {
      name: 'has settings that a form can be drawn from',
      async run() {
        const error = await thrownBy(() => z.toJSONSchema(adapter.settings, { io: 'input' }));
        check(error === null, `no JSON Schema can be made: ${error}`);
        check(settingsSchemaOf(adapter).type === 'object', 'the settings are no one object');
      },
    },
    {
      name: 'has no secret but texts of their own, which alone are encrypted',
      async run() {
        const schema = settingsSchemaOf(adapter);
        const isSealed = (setting: unknown) => (setting as { type?: unknown }).type === 'string';
        const sealed = Object.values(schema.properties ?? {}).filter(isSealed);
        checkSame(marksIn(schema, 'writeOnly'), marksIn(sealed, 'writeOnly'), 'secrets');
      },
    },
    {
      name: 'has no destination but texts of their own, which alone are looked at',
      async run() {
        const schema = settingsSchemaOf(adapter);
        const isText = (setting: unknown) => (setting as { type?: unknown }).type === 'string';
        const own = Object.values(schema.properties ?? {}).filter(isText);
        checkSame(marksIn(schema, 'destination'), marksIn(own, 'destination'), 'destinations');
      },
    },
  ];
}

/** How often a part of a JSON Schema has a mark, at any depth. */
function marksIn(part: unknown, mark: 'writeOnly' | 'destination'): number {
  if (typeof part !== 'object' || part === null) return 0;
  const own = (part as { [name in string]?: unknown })[mark] === true ? 1 : 0;
  return Object.values(part).reduce((sum: number, inner) => sum + marksIn(inner, mark), own);
}

/** What holds for every adapter's name and settings. */
export function settingsCases(adapter: Adapter, { settings, otherSettings }: AdapterSamples): ContractCase[] {
  const refusal = async (input: unknown) => {
    const error = await thrownBy(() => parseSettings(adapter, input));
    check(error === null || error instanceof InvalidInputError, `settings were refused with ${error}`);
    return error;
  };
  return [
    ...namingCases(adapter),
    {
      name: 'takes its sample settings',
      async run() {
        for (const sample of [settings, otherSettings]) {
          const error = await refusal(sample);
          check(error === null, `refused: ${error?.message}`);
        }
      },
    },
    {
      name: 'takes its settings again as it has read them: so they are stored',
      async run() {
        for (const sample of [settings, otherSettings]) {
          const read = parseSettings(adapter, sample);
          checkSame(parseSettings(adapter, JSON.parse(JSON.stringify(read))), read, 'read again');
        }
      },
    },
    {
      name: 'refuses a setting it does not know, by its name',
      async run() {
        const error = await refusal({ ...asRecord(settings), [CANARY]: true });
        check(error !== null, 'a setting with an unknown name was taken');
        check(error.field === `settings.${CANARY}`, `the error names ${error.field}`);
      },
    },
    {
      name: 'names a bad setting and never shows its value',
      async run() {
        const good = asRecord(settings);
        let refused = 0;
        for (const field of Object.keys(good)) {
          for (const bad of [CANARY, [CANARY], { [CANARY]: CANARY }]) {
            const error = await refusal({ ...good, [field]: bad });
            if (error === null) continue;
            refused += 1;
            check(
              error.field.startsWith(`settings.${field}`),
              `${field} is bad, the error names ${error.field}`,
            );
            // The name of an unknown field is no value, so only what is allowed is searched.
            check(!error.allowed.includes(CANARY), `the error for ${field} shows its value`);
          }
        }
        check(refused > 0 || Object.keys(good).length === 0, 'no setting was ever refused');
      },
    },
  ];
}

function asRecord(settings: unknown): Record<string, unknown> {
  check(typeof settings === 'object' && settings !== null, 'sample settings must be an object');
  return { ...settings };
}
