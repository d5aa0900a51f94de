/** The order of the test files: those known to take long first, so that no worker is left alone with one at the end. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Longest first. vitest would know from its cache, which a fresh clone doesn't have; a name that is missing costs a little time. */
const LONG = [
  'engine/detect',
  'cli/alone',
  'engine/plan',
  'cli/incidents',
  'engine/kill',
  'runtimes/demo',
  'cli/report',
  'cli/estimate',
  'engine/aliases',
  'cli/beside',
  'runtimes/node',
  'runtimes/embedded/children',
  'cli/config-verbs',
  'cli/main',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex(name => moduleId.includes(`/test/${name}.test.`));
      return at === -1 ? LONG.length : at;
    };
    // The rest by name: the same order everywhere.
    return [...files].sort((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}
