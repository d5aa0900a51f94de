/** Reports and verifications for programs: the same facts, in the spelling of the API. */
import { incidentJson, noteJson } from '../incident-json.ts';
import { titleOf } from '../incident-words.ts';
import type { IncidentFacts, ReportData } from './data.ts';
import { recordOf } from './notes.ts';
import type { Verified } from './verified.ts';

/** Times are Unix milliseconds, shares fractions. */
export const reportJson = ({ incidents, troubles, ...rest }: ReportData) => ({
  ...(snake(rest) as Record<string, unknown>),
  incidents: incidents.map(incidentFactsJson),
  troubles: troubles.map(incidentJson),
});

export const verifiedJson = (verified: Verified): unknown => snake(verified);

const incidentFactsJson = ({ incident, ...rest }: IncidentFacts) => ({
  ...incidentJson(incident),
  title: titleOf(incident),
  notes: incident.notes.map(noteJson),
  record: snake(recordOf(incident.notes).fields),
  ...(snake(rest) as Record<string, unknown>),
});

/** Keys only: no key here is somebody's name. */
function snake(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snake);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replace(/[A-Z]/g, c => `_${c.toLowerCase()}`),
      snake(inner),
    ]),
  );
}
