import { describe, expect, it } from 'vitest';
import { openBodyBudget } from '../../src/http/body-memory.ts';

const KB = 1024;

/** A budget with the names of the bodies that had to go. */
function open(sizes: { bytes: number; placeBytes: number }) {
  const budget = openBodyBudget(sizes);
  const gone: string[] = [];
  return {
    budget,
    gone,
    begin: (name: string, place: string, sender: string) =>
      budget.open({ place, sender }, () => gone.push(name)),
  };
}

describe('the memory budget for bodies', () => {
  it('drops the oldest body of the sender that holds most at a place when that place is full', () => {
    const { begin, gone, budget } = open({ bytes: 1_000 * KB, placeBytes: 100 * KB });
    const [small, big, bigger] = [
      begin('small', 'a', '1'),
      begin('big', 'a', '2'),
      begin('bigger', 'a', '2'),
    ];
    const elsewhere = begin('elsewhere', 'b', '2');
    expect([small.grow(20 * KB), big.grow(30 * KB), bigger.grow(45 * KB), elsewhere.grow(90 * KB)]).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(begin('new', 'a', '3').grow(10 * KB)).toBe(true);
    expect(gone).toEqual(['big']);
    expect(budget.keptBytes()).toBe((20 + 45 + 90 + 10) * KB);
  });

  it('drops a body at the place that holds most when the whole budget is full', () => {
    const { begin, gone } = open({ bytes: 100 * KB, placeBytes: 80 * KB });
    begin('a1', 'a', '1').grow(40 * KB);
    begin('a2', 'a', '2').grow(35 * KB);
    begin('b1', 'b', '3').grow(20 * KB);
    expect(begin('c1', 'c', '3').grow(30 * KB)).toBe(true);
    expect(gone).toEqual(['a1']);
  });

  it('never drops a complete body, and refuses the new body if there is no other to drop', () => {
    const { begin, gone } = open({ bytes: 100 * KB, placeBytes: 50 * KB });
    const whole = begin('whole', 'a', '1');
    whole.grow(48 * KB);
    whole.complete();
    expect(begin('new', 'a', '2').grow(10 * KB)).toBe(false);
    expect(gone).toEqual(['new']);
    whole.free();
    whole.free();
    expect(begin('next', 'a', '2').grow(10 * KB)).toBe(true);
  });

  it('also counts very many bodies of a few bytes each', () => {
    const { begin, gone } = open({ bytes: 1_000 * KB, placeBytes: 64 * KB });
    for (let count = 0; count < 100; count++) begin(`body ${count}`, 'a', '1').grow(1);
    expect(gone.length).toBe(100 - 64 / 4);
  });

  it('is free again once all of its bodies are released', () => {
    const { begin, budget } = open({ bytes: 100 * KB, placeBytes: 50 * KB });
    const bodies = Array.from({ length: 200 }, (_, index) => {
      const body = begin(`body ${index}`, `place ${index % 3}`, `sender ${index % 5}`);
      body.grow(index * 100);
      return body;
    });
    expect(budget.keptBytes()).toBeLessThanOrEqual(100 * KB);
    for (const body of bodies) body.free();
    expect(budget.keptBytes()).toBe(0);
  });
});
