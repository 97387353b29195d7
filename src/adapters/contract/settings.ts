import { z } from 'zod';
import { InvalidInputError } from '../../domain/errors.ts';
import type { Adapter } from '../adapter.ts';
import { parseSettings } from '../registry.ts';
import { settingsSchemaOf } from '../settings.ts';
import { check, checkSame, thrownBy } from './check.ts';
import type { AdapterCase, Sampled } from './contract.ts';

/** A value that occurs in no message by chance. */
const CANARY = 'canary-5d1f7c';

/** Requirements on an adapter's id, name and settings schema. */
export const schemaCases: readonly AdapterCase<Adapter>[] = [
  {
    name: 'has an id of lower-case words joined by hyphens, and a name',
    run(adapter) {
      check(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(adapter.id), `the id is ${adapter.id}`);
      check(adapter.name.trim() !== '', 'the name is empty');
    },
  },
  {
    name: 'has settings that convert to a JSON Schema of an object',
    async run(adapter) {
      const error = await thrownBy(() => z.toJSONSchema(adapter.settings, { io: 'input' }));
      check(error === null, `the conversion failed: ${error}`);
      check(settingsSchemaOf(adapter).type === 'object', 'the settings are not an object');
    },
  },
  {
    name: 'marks only top-level text settings as secrets',
    run: (adapter) => checkMarks(adapter, 'writeOnly'),
  },
  {
    name: 'marks only top-level text settings as destinations',
    run: (adapter) => checkMarks(adapter, 'destination'),
  },
];

type Mark = 'writeOnly' | 'destination';

/** Only texts at the top level are encrypted, or checked as destinations. */
function checkMarks(adapter: Adapter, mark: Mark): void {
  const schema = settingsSchemaOf(adapter);
  const isText = (setting: unknown) => (setting as { type?: unknown }).type === 'string';
  const texts = Object.values(schema.properties ?? {}).filter(isText);
  checkSame(countMarks(schema, mark), countMarks(texts, mark), `marks ${mark}`);
}

/** Counts the parts of a JSON Schema that have a mark, at any depth. */
function countMarks(part: unknown, mark: Mark): number {
  if (typeof part !== 'object' || part === null) return 0;
  const own = (part as { [name in string]?: unknown })[mark] === true ? 1 : 0;
  return Object.values(part).reduce((sum: number, inner) => sum + countMarks(inner, mark), own);
}

/** Requirements on how an adapter parses settings. */
export const settingsCases: readonly AdapterCase<Sampled>[] = [
  {
    name: 'accepts its sample settings',
    async run({ adapter, samples: { settings, otherSettings } }) {
      for (const sample of [settings, otherSettings]) {
        const error = await rejection(adapter, sample);
        check(error === null, `rejected: ${error?.message}`);
      }
    },
  },
  {
    name: 'accepts the settings that it has parsed, because they are stored so',
    run({ adapter, samples: { settings, otherSettings } }) {
      for (const sample of [settings, otherSettings]) {
        const read = parseSettings(adapter, sample);
        checkSame(parseSettings(adapter, JSON.parse(JSON.stringify(read))), read, 'parsed again');
      }
    },
  },
  {
    name: 'rejects an unknown setting and names it',
    async run({ adapter, samples: { settings } }) {
      const error = await rejection(adapter, { ...asRecord(settings), [CANARY]: true });
      check(error !== null, 'a setting with an unknown name was accepted');
      check(error.field === `settings.${CANARY}`, `the error names ${error.field}`);
    },
  },
  {
    name: 'names an invalid setting and never shows its value',
    async run({ adapter, samples: { settings } }) {
      const valid = asRecord(settings);
      let rejections = 0;
      for (const field of Object.keys(valid))
        for (const invalid of [CANARY, [CANARY], { [CANARY]: CANARY }]) {
          const error = await rejection(adapter, { ...valid, [field]: invalid });
          if (error === null) continue;
          rejections += 1;
          check(
            error.field.startsWith(`settings.${field}`),
            `${field} is invalid, the error names ${error.field}`,
          );
          // The field may contain the canary as the name of an unknown setting, so only `allowed` is searched.
          check(!error.allowed.includes(CANARY), `the error for ${field} shows its value`);
        }
      check(rejections > 0 || Object.keys(valid).length === 0, 'no setting was ever rejected');
    },
  },
];

/** The error that an adapter's schema gives for these settings; null: it accepts them. */
async function rejection(adapter: Adapter, input: unknown): Promise<InvalidInputError | null> {
  const error = await thrownBy(() => parseSettings(adapter, input));
  check(error === null || error instanceof InvalidInputError, `settings were rejected with ${error}`);
  return error;
}

function asRecord(settings: unknown): Record<string, unknown> {
  check(typeof settings === 'object' && settings !== null, 'sample settings must be an object');
  return { ...settings };
}
