/** `coalmine simulate` as a user has it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SCENARIO_NAMES } from '../../src/sim/scenarios/index.ts';
import { scenarioSchema } from '../../src/sim/show/json.ts';
import { coalmine, expectNoStack, useDirectory } from './child.ts';

const dir = useDirectory();
/** The one that is computed soonest. */
const SHORT = 'duo-2023-06';

describe('simulate', () => {
  test('without a name: one line each, and for programs', async () => {
    const { code, out } = await coalmine(['simulate']);
    expect(code).toBe(0);
    for (const name of SCENARIO_NAMES) expect(out).toMatch(new RegExp(`^${name} +\\S`, 'm'));
    const json = JSON.parse((await coalmine(['simulate', '--json'])).out);
    expect(json.map((s: { name: string }) => s.name)).toEqual(SCENARIO_NAMES);
  });

  test('a scenario on a screen, and as a picture', async () => {
    const { code, out } = await coalmine(['simulate', SHORT, '--svg', 'a.svg'], { cwd: dir });
    expect(code).toBe(0);
    for (const heading of ['Fact', 'Assumed here', 'coalmine said', 'Extent', 'On the same events'])
      expect(out).toContain(heading);
    expect(out).not.toContain('\u001b');
    expect(readFileSync(join(dir, 'a.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  });

  test('--json is what its schema says, the same twice, without how long it took unless asked', async () => {
    const args = ['simulate', SHORT, '--json', '--seed', '7', '--every', '2m'];
    const a = await coalmine(args);
    const json = scenarioSchema.strict().parse(JSON.parse(a.out));
    expect(json.options).toMatchObject({ seed: 7, every_ms: 120_000 });
    expect(json).not.toHaveProperty('took_ms');
    const { took_ms, ...again } = JSON.parse((await coalmine([...args, '--timing'])).out);
    expect(again).toEqual(json);
    expect(took_ms).toBeGreaterThan(0);
  });

  test('in a locale without UTF-8 it is ASCII', async () => {
    const { out } = await coalmine(['simulate', SHORT], { env: { LC_ALL: 'C' } });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
    expect(out).toMatch(/^[\u0000-\u007f]+$/);
  });

  test.concurrent.each([
    [['duo-2023-6'], /there is no scenario "duo-2023-6": .*duo-2023-06/],
    [[SHORT, '--every', 'often'], /--every: .*10s/],
    [[SHORT, '--covered', '0'], /covered/],
    [[SHORT, '--seed', '1.5'], /--seed as a whole number/],
    [[SHORT, '--sampling', 'never'], /uniform, poisson, fixed/],
    [[SHORT, '--on-time-within', '2h', '--lost-after', '1h'], /no sooner/],
    [[SHORT, '--svg', 'nowhere/a.svg'], /--svg: nowhere\/a.svg can’t be written/],
    [['--seed', '3'], /expected a NAME/],
    [[SHORT, '--full'], /--full isn’t there yet/],
  ])('%j is told what was expected, and ends with 2', async (args, says) => {
    const ended = await coalmine(['simulate', ...args], { cwd: dir });
    expect(ended.err).toMatch(says);
    expect(ended.code).toBe(2);
    expect(ended.out).toBe('');
    expectNoStack(ended);
  });
});
