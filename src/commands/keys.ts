import { type FileHandle, open } from 'node:fs/promises';
import type { Command } from 'commander';
import { type ApiKeyRow, createApiKey, listApiKeys, readScopes, SCOPES } from '../accounts/api-keys.ts';
import { createOperatorKey, listOperatorKeys, type OperatorKeyRow } from '../accounts/operator-keys.ts';
import { revokeApiKey, revokeOperatorKey } from '../accounts/revoke-keys.ts';
import { accountNamed, createAccount } from '../accounts/setup.ts';
import type { Engine } from '../app.ts';
import { readConfig } from '../config.ts';
import { readDatabaseTime } from '../db/client.ts';
import { InvalidInputError, NotFoundError, SetupError } from '../domain/errors.ts';
import { isUuid } from '../domain/uuid.ts';
import { createLog } from '../log.ts';
import type { Existing } from './open-existing.ts';
import { readNewName } from './reading.ts';
import { cell, print, printNote } from './terminal.ts';

type KeyOwner = { account: string; operator?: true };
type CreateOptions = KeyOwner & { name: string; scope: string[]; out?: string; createAccount?: true };

/** Adds `lull keys`, which creates, lists and revokes API keys. */
export function addKeys(program: Command): void {
  const keys = program
    .command('keys')
    .summary('create, list and revoke API keys')
    .description('Creates, lists and revokes API keys.');
  const command = (name: string) =>
    keys
      .command(name)
      .option('--account <name>', 'the account of the keys', 'default')
      .option(
        '--operator',
        'operator keys, valid for every account: each request names one in the header x-lull-account',
      );
  command('create')
    .summary('create a key')
    .description(
      'Creates an API key. Prints it once, on the terminal or to a new file that only you can read, because Lull stores only its hash. Writes: migrates the database, and creates it if it does not exist.',
    )
    .option('--create-account', 'create the account if it does not exist')
    .option('--name <name>', "the key's name", 'cli')
    .option('--scope <scope...>', `the key's scopes: ${SCOPES.join(', ')}`, [...SCOPES])
    .option('--out <file>', 'write the key to this new file instead of the terminal')
    .action(create);
  command('list')
    .summary('list keys')
    .description(
      'Lists keys, oldest first: id, name, creation time, state, scopes. Does not show the keys themselves. Read-only.',
    )
    .action(list);
  command('revoke')
    .argument(
      '<id>',
      "the key's id, from `lull keys list`, or the 32 hex digits before the last _ of the key",
    )
    .summary('revoke a key')
    .description(
      'Revokes a key permanently, from the next request on, and with it the keys that it created and that are bound to it. Writes only the time of the revocation.',
    )
    .action(revoke);
}

async function create(options: CreateOptions): Promise<void> {
  readScopes(options.scope);
  readNewName(options.name, '--name');
  if (options.out === undefined && !process.stdout.isTTY)
    throw new SetupError('stdout is not a terminal: name a new file for the key with --out', 2);
  await withEngine(async ({ deps, db, clock }) => {
    const accountId = options.operator ? null : await accountForKey(deps, options);
    const file = options.out === undefined ? null : await openNew(options.out);
    const key = { name: options.name, scopes: options.scope };
    const made = { id: deps.newId(), now: clock.now() };
    const token =
      accountId === null
        ? await createOperatorKey(db, key, made)
        : await createApiKey(db, { accountId, ...key }, made);
    if (file === null) print(`${token}\n`);
    else {
      await file.writeFile(`${token}\n`);
      await file.close();
      printNote(`the key was written to ${cell(options.out ?? '')}\n`);
    }
  });
}

async function list(options: KeyOwner): Promise<void> {
  const { withExisting } = await import('./open-existing.ts');
  await withExisting('READ_ONLY', async ({ db }) => {
    if (options.operator) return show(await listOperatorKeys(db.sql));
    const accountId = await accountOf({ db }, options);
    for (let after: string | null = null; ; ) {
      const page: ApiKeyRow[] = await listApiKeys(db.sql, accountId, after, 200);
      show(page);
      after = page.at(-1)?.id ?? null;
      if (after === null) return;
    }
  });
}

async function revoke(text: string, options: KeyOwner): Promise<void> {
  const id = text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  if (!isUuid(id)) throw new InvalidInputError('id', 'the id of a key is allowed, from `lull keys list`');
  const { withExisting } = await import('./open-existing.ts');
  await withExisting('READ_WRITE', async ({ db }) => {
    const now = await readDatabaseTime(db);
    const key = options.operator
      ? await revokeOperatorKey(db.sql, id, now)
      : await revokeApiKey(db.sql, { accountId: await accountOf({ db }, options), id }, now);
    if (key === null) throw new NotFoundError('id', 'key');
    show([key]);
  });
}

/** Prints one line for each key, with tabs between the columns. */
function show(keys: readonly (ApiKeyRow | OperatorKeyRow)[]): void {
  for (const { id, name, scopes, createdAt, revokedAt, ...key } of keys) {
    const until = 'expiresAt' in key && key.expiresAt !== null ? ` until ${key.expiresAt.toISOString()}` : '';
    const revoked = revokedAt === null ? `valid${until}` : `revoked ${revokedAt.toISOString()}`;
    print(`${[id, cell(name), createdAt.toISOString(), revoked, scopes.join(' ')].join('\t')}\n`);
  }
}

/** @throws NotFoundError */
async function accountOf(existing: Pick<Existing, 'db'>, { account }: KeyOwner): Promise<string> {
  if (account.trim() === '') throw new InvalidInputError('--account', 'a name that is not empty is allowed');
  const known = await accountNamed(existing, account);
  if (known !== null) return known;
  throw new NotFoundError('--account', `account: ${account}; lull keys create --create-account creates it`);
}

/** The account of a new key, created if `--create-account` is set. @throws NotFoundError */
async function accountForKey(deps: Engine['deps'], options: CreateOptions): Promise<string> {
  if (!options.createAccount) return await accountOf(deps, options);
  const account = readNewName(options.account, '--account');
  return (await accountNamed(deps, account)) ?? (await createAccount(deps, { name: account }));
}

async function withEngine(act: (engine: Engine) => Promise<void>): Promise<void> {
  const { openEngine } = await import('../app.ts');
  const engine = await openEngine(readConfig(), createLog({ logLevel: 'warn' }));
  try {
    await act(engine);
  } finally {
    await engine.close();
  }
}

/** Refuses an existing file, because others might be able to read it. */
async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    throw new SetupError(`cannot write the key to ${path}: ${(error as NodeJS.ErrnoException).code}`, 2);
  }
}
