import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../support/run.ts';

const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root });

/** The headings of a page as GitHub makes anchors of them. */
const anchors = (path: string) =>
  [...readFileSync(join(root, path), 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

it('every link between pages leads to an existing file and heading', () => {
  expect(pages.length).toBeGreaterThan(30);
  const broken = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '');
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page : join(dirname(page), file);
      const exists =
        existsSync(join(root, target)) && (anchor === undefined || anchors(target).includes(anchor));
      return exists ? [] : [`${page}: ${link}`];
    });
  });
  expect(broken).toEqual([]);
});

it('the decisions are numbered without duplicates and gaps', () => {
  const numbers = pages.flatMap((page) => /docs\/adr\/(\d{4})-/.exec(page)?.[1] ?? []).sort();
  expect(numbers).toEqual(numbers.map((_, index) => String(index + 1).padStart(4, '0')));
});
