import type { SourceFile } from './import-rules.ts';

/** A statement that stands in a source file, on one line; what is put in stands in braces. */
export type Statement = { path: string; text: string };

const LITERAL = /`(?:[^`\\$]|\\.|\$(?!\{)|\$\{(?:[^{}`]|\{[^{}]*\}|`[^`]*`)*\})*`|'(?:[^'\\\n]|\\.)*'/g;
const VERB = /\b(select|insert|update|delete)\b/;

/** The statements of sources that read or write one of the tables. */
export function statementsOn(tables: readonly string[], files: readonly SourceFile[]): Statement[] {
  const names = new RegExp(`\\b(?:from|join|into|update)\\s+(?:${tables.join('|')})\\b(?!\\s*\\()`);
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(LITERAL)]
      .map(([literal]) => literal.slice(1, -1).replaceAll('${', '{').replace(/\s+/g, ' ').trim())
      .filter((literal) => VERB.test(literal) && names.test(literal))
      .map((literal) => ({ path, text: literal })),
  );
}

/** Whether a statement says of which account its rows are: by a condition, by a column that it fills, or by a join. */
export function namesItsAccount({ text }: Statement): boolean {
  return /account_id"? ?=|account_id: ?accountId|into \w+ \( ?account_id\b/.test(text);
}
