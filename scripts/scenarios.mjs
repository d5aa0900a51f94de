// Runs the scenarios and writes docs/scenarios/NAME.json, their pictures, and docs/scenarios.md. With names: only these are run,
// the others are drawn from what is there. `npm run scenarios [-- NAME…]` after a change of what they run; some take a minute.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runScenario } from '../dist/sim/scenario-run.js';
import { SCENARIO_NAMES, scenarioOf } from '../dist/sim/scenarios/index.js';
import { guideOf } from '../dist/sim/show/guide.js';
import { resultOf, scenarioJson } from '../dist/sim/show/json.js';
import { pictureOf } from '../dist/sim/show/picture.js';

const docs = resolve(import.meta.dirname, '../docs');
const asked = process.argv.slice(2);
for (const name of asked) scenarioOf(name);
mkdirSync(join(docs, 'scenarios'), { recursive: true });

for (const name of asked.length > 0 ? asked : SCENARIO_NAMES) {
  const result = runScenario(name, {}, () => performance.now());
  writeFileSync(
    join(docs, 'scenarios', `${name}.json`),
    `${JSON.stringify(scenarioJson(result), null, 1)}\n`,
  );
  console.log(`${name}: ${(result.tookMs / 1000).toFixed(1)} s`);
}

const results = SCENARIO_NAMES.map(name => {
  const path = join(docs, 'scenarios', `${name}.json`);
  if (!existsSync(path)) throw new Error(`expected ${path}: npm run scenarios -- ${name} writes it`);
  return resultOf(JSON.parse(readFileSync(path, 'utf8')));
});
for (const result of results) writeFileSync(join(docs, 'scenarios', `${result.name}.svg`), pictureOf(result));
writeFileSync(join(docs, 'scenarios.md'), guideOf(results));
