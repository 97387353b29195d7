import { readDatabase, readLateness, readQueue } from './database.ts';
import { readProcess } from './process.ts';
import type { Series } from './verdict.ts';
import type { World } from './world.ts';

/** One value of a series. By default the series is judged by its lowest values. */
export type Reading = Pick<Series, 'name' | 'unit' | 'floor'> &
  Partial<Pick<Series, 'judged' | 'counts'>> & { value: number | null };

/** Looks at the service every few seconds, and keeps what it saw. */
export type Samples = { take(): Promise<void>; series(): Series[] };

/** Opens it on the service of a world. */
export function openSamples(world: World): Samples {
  const series = new Map<string, Series>();
  const processes = [readProcess(world.api), readProcess(world.worker)];
  const looks = [...processes, readDatabase(world), readQueue(world), readLateness(world)];
  let taken = 0;

  function note({ name, unit, floor, judged = true, counts = 'lowest', value }: Reading): void {
    const own = series.get(name) ?? { name, unit, judged, floor, counts, values: Array(taken).fill(null) };
    series.set(name, own);
    own.values.push(value);
  }

  return {
    async take() {
      for (const readings of await Promise.all(looks.map((look) => look()))) readings.forEach(note);
      taken++;
    },
    series: () => [...series.values()],
  };
}
