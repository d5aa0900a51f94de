/** `/incidents`: what is open, and what was; and the open ones as a list for other pages. */
import { INCIDENT_KINDS, type Incident, severityOf } from '../../domain/incident.ts';
import { StateGlyph } from './charts/glyph.tsx';
import {
  headlineOf,
  incidentPath,
  kindWord,
  lastedWords,
  missingWords,
  signOf,
  spanWords,
  takenBy,
} from './incident-text.ts';
import { isoTime, plural } from './when.ts';

export interface Filters {
  readonly pipeline: string | null;
  readonly kind: string | null;
  readonly state: 'open' | 'ended' | null;
}

export interface IncidentListProps {
  readonly filters: Filters;
  readonly pipelines: readonly { readonly name: string; readonly title: string }[];
  readonly nowMs: number;
  readonly open: readonly Incident[];
  /** More are open than are listed. */
  readonly moreOpen: boolean;
  readonly ended: readonly Incident[];
  /** Number of the last one listed; null: there are no older ones. */
  readonly next: number | null;
  /** Only those before this one are listed. */
  readonly before: number | null;
}

export const listTitle = ({ open, moreOpen }: IncidentListProps): string =>
  `${openWords(open.length, moreOpen)} · coalmine`;

const openWords = (n: number, more: boolean): string =>
  n === 0
    ? 'No incident is open'
    : more
      ? `More than ${plural(n, 'incident')} open`
      : `${plural(n, 'incident')} open`;

export const IncidentListPage = (props: IncidentListProps) => {
  const { filters, nowMs, open, moreOpen, ended, next, before } = props;
  return (
    <div class="pipelines">
      <div class="summary">
        <h1>{filters.state === 'ended' ? 'Incidents that ended' : openWords(open.length, moreOpen)}</h1>
      </div>
      <FilterForm {...props} />
      {open.length > 0 ? <Incidents id="open" title="Open" incidents={open} nowMs={nowMs} /> : null}
      {filters.state === 'open' ? null : (
        <Incidents
          id="ended"
          title={before === null ? 'Ended' : 'Ended, earlier'}
          incidents={ended}
          nowMs={nowMs}
        />
      )}
      {next === null ? null : (
        <p>
          <a href={`/incidents?${new URLSearchParams({ ...queryOf(filters), before: String(next) })}`}>
            Older incidents
          </a>
        </p>
      )}
    </div>
  );
};

export const queryOf = ({ pipeline, kind, state }: Filters): Record<string, string> => ({
  ...(pipeline === null ? {} : { pipeline }),
  ...(kind === null ? {} : { kind }),
  ...(state === null ? {} : { state }),
});

const FilterForm = ({ filters, pipelines }: IncidentListProps) => (
  <form class="filters" id="filters" data-keep method="get" action="/incidents">
    <Choice
      id="state"
      label="State"
      all="open and ended"
      chosen={filters.state}
      of={[
        ['open', 'open'],
        ['ended', 'ended'],
      ]}
    />
    <Choice
      id="pipeline"
      label="Pipeline"
      all="all"
      chosen={filters.pipeline}
      of={pipelines.map(p => [p.name, p.title])}
    />
    <Choice
      id="kind"
      label="Kind"
      all="all"
      chosen={filters.kind}
      of={Object.keys(INCIDENT_KINDS).map(k => [k, kindWord(k)])}
    />
    <button type="submit">Filter</button>
  </form>
);

const Choice = ({
  id,
  label,
  all,
  of,
  chosen,
}: {
  id: string;
  label: string;
  all: string;
  of: readonly (readonly [value: string, words: string])[];
  chosen: string | null;
}) => (
  <p>
    <label for={`by-${id}`}>{label}</label>
    <select id={`by-${id}`} name={id}>
      <option value="">{all}</option>
      {of.map(([value, words]) => (
        <option value={value} selected={value === chosen}>
          {words}
        </option>
      ))}
    </select>
  </p>
);

const Incidents = ({
  id,
  title,
  incidents,
  nowMs,
}: {
  id: string;
  title: string;
  incidents: readonly Incident[];
  nowMs: number;
}) => (
  <section class="block" aria-labelledby={id}>
    <h2 id={id}>{title}</h2>
    {incidents.length === 0 ? <p class="none">None.</p> : null}
    <ol class="incidents">
      {incidents.map(incident => (
        <Row incident={incident} nowMs={nowMs} />
      ))}
    </ol>
  </section>
);

const Row = ({ incident, nowMs }: { incident: Incident; nowMs: number }) => {
  const taken = takenBy(incident);
  const missing = missingWords(incident);
  return (
    <li class={incident.state === 'open' ? 'is-open' : undefined}>
      <StateGlyph state={signOf(incident)} size={18} />
      <div>
        <p class="what">
          <a href={incidentPath(incident.id)}>{headlineOf(incident)}</a>
        </p>
        <p class="more">
          <span>{incident.pipeline.title}</span>
          <span>
            <time datetime={isoTime(incident.beganMs)}>{spanWords(incident, nowMs)}</time> (
            {lastedWords(incident, nowMs)})
          </span>
          {missing === null ? null : <span>{missing}</span>}
          {severityOf(incident) === 'critical' ? <span>critical</span> : null}
          {taken ? <span>taken by {taken.by}</span> : null}
        </p>
      </div>
    </li>
  );
};

const SEVERITIES = ['critical', 'error', 'warning', 'info'] as const;

/** Among equals the newest first, as they came. */
export const worstFirst = (incidents: readonly Incident[]): Incident[] =>
  incidents.toSorted((a, b) => SEVERITIES.indexOf(severityOf(a)) - SEVERITIES.indexOf(severityOf(b)));

/** Open incidents where a pipeline is shown: the first thing to read there, before the page's own headings begin. */
export const OpenIncidents = ({
  incidents,
  more,
  nowMs,
}: {
  incidents: readonly Incident[];
  more: boolean;
  nowMs: number;
}) =>
  incidents.length === 0 ? null : (
    <section class="block open-incidents" aria-labelledby="open-incidents">
      <p id="open-incidents" class="title">
        {more
          ? `More than ${plural(incidents.length, 'open incident')}`
          : plural(incidents.length, 'open incident')}
      </p>
      <ol class="incidents">
        {incidents.map(incident => (
          <Row incident={incident} nowMs={nowMs} />
        ))}
      </ol>
      {more ? (
        <p>
          <a href="/incidents?state=open">All open incidents</a>
        </p>
      ) : null}
    </section>
  );
