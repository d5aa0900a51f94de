/**
 * The guide, the pictures and the data of the scenarios are those of the present code. `npm run scenarios` runs them all anew;
 * `UPDATE_DOCS=1 npx vitest run test/docs` draws guide and pictures anew from the data that is there.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runScenario } from '../../src/sim/scenario-run.ts';
import { SCENARIO_NAMES, scenarioOf } from '../../src/sim/scenarios/index.ts';
import { guideOf } from '../../src/sim/show/guide.ts';
import { resultOf, type ScenarioJson, scenarioJson } from '../../src/sim/show/json.ts';
import { LESSONS } from '../../src/sim/show/lessons.ts';
import { pictureOf } from '../../src/sim/show/picture.ts';

const docs = join(import.meta.dirname, '../../docs');
const fileOf = (name: string): string => join(docs, 'scenarios', name);
const WHAT_TO_DO = 'run `npm run scenarios` and commit what it writes';
/** Those of more canaries take longer than a test should. */
const CANARIES_MAX = 3_000;

const jsonOf = (name: string): ScenarioJson | null =>
  existsSync(fileOf(`${name}.json`)) ? JSON.parse(readFileSync(fileOf(`${name}.json`), 'utf8')) : null;
const stored = SCENARIO_NAMES.flatMap(name => jsonOf(name) ?? []);

function expectFile(path: string, wanted: string): void {
  if (process.env.UPDATE_DOCS) writeFileSync(path, wanted);
  expect(readFileSync(path, 'utf8') === wanted, `${path} is of other code: ${WHAT_TO_DO}`).toBe(true);
}

test('every scenario has its data and its lesson, and nothing else is there', () => {
  expect(readdirSync(join(docs, 'scenarios')).sort(), WHAT_TO_DO).toEqual(
    SCENARIO_NAMES.flatMap(name => [`${name}.json`, `${name}.svg`]).sort(),
  );
  expect(Object.keys(LESSONS).sort()).toEqual([...SCENARIO_NAMES].sort());
});

test('the guide is drawn from the data', () => {
  expectFile(join(docs, 'scenarios.md'), guideOf(stored.map(resultOf)));
});

describe.each(stored.map(json => [json.name, json] as const))('%s', (name, json) => {
  test('its picture is drawn from the data', () => {
    expectFile(fileOf(`${name}.svg`), pictureOf(resultOf(json)));
  });

  test('its grounds are those of the scenario', () => {
    const { title, facts, assumptions, startMs, endMs, onsetMs, noticedMs, defaults } = scenarioOf(name);
    const result = resultOf(json);
    expect(result, WHAT_TO_DO).toMatchObject({
      title,
      facts,
      assumptions,
      startMs,
      endMs,
      onsetMs,
      noticedMs,
    });
    expect(result.options, WHAT_TO_DO).toMatchObject({ ...defaults });
  });

  test.runIf(json.canaries <= CANARIES_MAX)('run again, it is the same', () => {
    expect(scenarioJson(runScenario(name)), WHAT_TO_DO).toEqual(json);
  });
});
