/** `/incidents/:id`: one incident as whoever is woken by it needs it, the most urgent first. */
import type { Incident } from '../../domain/incident.ts';
import { KIND_WORDS } from '../../domain/incident-kind-words.ts';
import type { IncidentBars } from '../../engine/incident-bars.ts';
import type { IncidentStory } from '../../engine/incidents.ts';
import { StateGlyph } from './charts/glyph.tsx';
import { sampleText } from './findings.ts';
import { LossBlocks } from './incident-loss.tsx';
import { AckForm, Notes } from './incident-notes.tsx';
import { Held, Strip } from './incident-strip.tsx';
import { headlineOf, kindWord, lastedWords, severityWord, signOf, takenBy, todoOf } from './incident-text.ts';
import { Told } from './incident-told.tsx';
import { At, Fresh, Section, sentence } from './parts.tsx';
import { pipelinePath } from './pipeline-panel.tsx';
import { plural } from './when.ts';

export interface IncidentPageProps {
  readonly story: IncidentStory;
  readonly drawn: IncidentBars | null;
  /** Whether whoever reads may take it and note things down. */
  readonly mayWrite: boolean;
  /** Whether they may see what is internal: whom it was told to, and notes. */
  readonly isInternal: boolean;
}

export const incidentTitle = (incident: Incident): string =>
  `${incident.state === 'open' ? '' : 'Ended: '}${headlineOf(incident)} · ${incident.pipeline.title} · coalmine`;

export const IncidentPage = ({ story, drawn, mayWrite, isInternal }: IncidentPageProps) => {
  const { incident, asOfMs: nowMs } = story;
  return (
    <div class="pipelines">
      <nav aria-label="Breadcrumb" class="crumbs">
        <a href="/incidents">All incidents</a> ·{' '}
        <a href={pipelinePath(incident.pipeline.name)}>{incident.pipeline.title}</a>
      </nav>
      <article class={`pipeline incident is-${signOf(incident)}`} aria-labelledby="what">
        <Head story={story} mayWrite={mayWrite} />
        {incident.loss ? null : <Condition incident={incident} />}
        {drawn ? <Strip drawn={drawn} incident={incident} nowMs={nowMs} /> : null}
      </article>
      {incident.loss ? <LossBlocks incident={incident} loss={incident.loss} /> : null}
      {isInternal ? <Told story={story} /> : null}
      {isInternal ? <Notes incident={incident} nowMs={nowMs} mayWrite={mayWrite} /> : null}
    </div>
  );
};

const Head = ({ story, mayWrite }: { story: IncidentStory; mayWrite: boolean }) => {
  const { incident, asOfMs: nowMs } = story;
  const todo = todoOf(incident);
  const taken = takenBy(incident);
  const isOpen = incident.state === 'open';
  return (
    <header>
      <p class="chips">
        <b class={isOpen ? `chip s-${signOf(incident)}` : 'chip'}>{isOpen ? 'Open' : 'Ended'}</b>
        <span>
          {severityWord(incident)} · {kindWord(incident.kind)} · incident {incident.id}
        </span>
      </p>
      <h1 id="what" class={isOpen ? `headline s-${signOf(incident)}` : 'headline'}>
        <StateGlyph state={signOf(incident)} size={24} /> <span>{headlineOf(incident)}</span>
      </h1>
      <p class="since">
        <When incident={incident} nowMs={nowMs} />
      </p>
      <Freshness story={story} />
      {todo || incident.loss ? (
        <div class="todo">
          {todo ? (
            <p>
              <b>{todo.label}:</b> {todo.words}
            </p>
          ) : null}
          {incident.loss && isOpen ? <Held loss={incident.loss} nowMs={nowMs} /> : null}
        </div>
      ) : null}
      {taken ? (
        <p class="taken">
          <b>{taken.by}</b> took it at <At ms={taken.atMs} nowMs={nowMs} />.
        </p>
      ) : isOpen && mayWrite ? (
        <AckForm id={incident.id} />
      ) : null}
    </header>
  );
};

const When = ({ incident, nowMs }: { incident: Incident; nowMs: number }) => {
  const { beganMs, detectedMs, endedMs, reopened } = incident;
  return (
    <>
      {endedMs === null ? 'Since ' : 'From '}
      <b>
        <At ms={beganMs} nowMs={nowMs} seconds />
      </b>
      {endedMs === null ? (
        <>
          , for <b>{lastedWords(incident, nowMs)}</b> now
        </>
      ) : (
        <>
          {' '}
          to{' '}
          <b>
            <At ms={endedMs} nowMs={nowMs} seconds />
          </b>
          , <b>{lastedWords(incident, nowMs)}</b>
        </>
      )}
      ; found at <At ms={detectedMs} nowMs={nowMs} seconds />.
      {reopened > 0 ? ` It ended and came back ${reopened === 1 ? 'once' : plural(reopened, 'time')}.` : null}
    </>
  );
};

/** How far what is said here can be relied on: the watermark of the place that it is told of. */
const Freshness = ({ story: { incident, seen, asOfMs } }: { story: IncidentStory }) => {
  if (!seen || incident.state === 'ended') return null;
  if (seen.sight.state !== 'sees')
    return (
      <p class="seen-to is-blind">
        Nothing newer can be said of {seen.checkpoint}: {seen.sight.reason}. Counts are of before.
      </p>
    );
  return (
    <p class="seen-to">
      Counted from all that was visible at {seen.checkpoint} until{' '}
      <Fresh ms={seen.watermarkMs ?? asOfMs} nowMs={asOfMs} />.
    </p>
  );
};

const Condition = ({ incident }: { incident: Incident }) => {
  const { kind, condition, state, checkpoint } = incident;
  if (kind === 'loss' || kind === 'refused') return null;
  const words = KIND_WORDS[kind];
  const sample = sampleText(condition?.sample ?? null);
  return (
    <Section id="condition" title="What was observed" inner>
      {condition ? <p class="observed">{sentence(condition.reason)}</p> : null}
      {checkpoint === null ? null : <p class="reason">At {checkpoint}.</p>}
      {state === 'open' ? <p class="reason">{words.means}</p> : null}
      <p class="reason">{words.isNot}</p>
      {sample ? (
        <pre>
          <code>{sample}</code>
        </pre>
      ) : null}
    </Section>
  );
};
