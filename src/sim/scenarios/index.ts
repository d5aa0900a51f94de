/** All scenarios, by name. */
import { meant } from '../../config/nearest.ts';
import type { ScenarioSetup } from '../scenario-setup.ts';
import { cloudflare } from './cloudflare-2024-11.ts';
import { duo2020, duoJune2023, duoSeptember2023 } from './duo.ts';
import { microsoftCustomer, microsoftVendor } from './microsoft-2024-09.ts';
import { okta } from './okta-log-streaming.ts';
import { aws, github, honeycomb } from './partitions.ts';
import { quietYear } from './quiet-year.ts';

const ALL: readonly ScenarioSetup[] = [
  microsoftVendor(),
  microsoftCustomer(),
  cloudflare(),
  duo2020(),
  duoJune2023(),
  duoSeptember2023(),
  github(),
  aws(),
  honeycomb(),
  okta(),
  quietYear(),
];

/** In the order in which they are told. */
export const SCENARIO_NAMES: readonly string[] = ALL.map(s => s.name);

/** @throws RangeError for a name that no scenario has */
export function scenarioOf(name: string): ScenarioSetup {
  const found = ALL.find(s => s.name === name);
  if (found) return found;
  throw new RangeError(
    `expected the name of a scenario; found ${JSON.stringify(name)}: ${meant(name, SCENARIO_NAMES)}`,
  );
}
