/** One pipeline: its state in words first, then the checkpoint tree with what each place says. */
import type { PipelineView } from '../../engine/overview.ts';
import { StateGlyph } from './charts/glyph.tsx';
import { RailSource } from './charts/rail.tsx';
import { lanesOf } from './charts/tree.ts';
import { CheckpointRow } from './checkpoint-row.tsx';
import { drillWords } from './findings.ts';
import { Fresh, sentence } from './parts.tsx';
import { headline } from './state.ts';
import { plural } from './when.ts';

export interface PanelProps {
  readonly view: PipelineView;
  readonly nowMs: number;
  readonly detail: boolean;
}

export const pipelinePath = (name: string): string => `/pipelines/${encodeURIComponent(name)}`;

export const PipelinePanel = ({ view, nowMs, detail }: PanelProps) => {
  const rows = lanesOf(view.checkpoints);
  const lanes = 1 + Math.max(0, ...rows.map(r => r.lane));
  const id = `of/${encodeURIComponent(view.name)}`;
  return (
    <article class={`pipeline is-${view.state}`} aria-labelledby={id}>
      <header>
        {detail ? (
          <h1 id={id}>{view.title}</h1>
        ) : (
          <h2 id={id}>
            <a href={pipelinePath(view.name)}>{view.title}</a>
          </h2>
        )}
        <p class={`headline s-${view.state}`}>
          <StateGlyph state={view.state} /> <strong>{headline(view, nowMs)}</strong>
        </p>
        <p class="reason">{sentence(view.stateReason)}</p>
      </header>
      <Drill view={view} nowMs={nowMs} />
      <div class="source">
        <RailSource lanes={lanes} />
        <p>
          <b>source</b>{' '}
          <span>
            {view.every} to {plural(view.targets.n, 'target')}
            {view.targets.quiet > 0 ? ` (${view.targets.quiet} quiet)` : ''} through {view.inject};{' '}
            {view.lastBeatMs === null ? (
              'nothing was sent yet'
            ) : (
              <>
                last beat <Fresh ms={view.lastBeatMs} nowMs={nowMs} />
              </>
            )}
            {view.superseded ? '; a newer configuration runs on another replica' : ''}
          </span>
        </p>
      </div>
      <ol class="tree" aria-label={`Checkpoints of ${view.title}`}>
        {rows.map(row => (
          <CheckpointRow
            row={row}
            lanes={lanes}
            pipeline={view.name}
            said={view.stateReason.includes(row.node.stateReason)}
            nowMs={nowMs}
            detail={detail}
          />
        ))}
      </ol>
      {detail ? null : <Noticed view={view} />}
    </article>
  );
};

const Drill = ({ view, nowMs }: { view: PipelineView; nowMs: number }) => {
  const { ok, words } = drillWords(view.drill, nowMs);
  return (
    <p class={ok ? 'drill' : 'drill is-bad'}>
      <span>Alarm test</span> {words}
    </p>
  );
};

const Noticed = ({ view }: { view: PipelineView }) => {
  if (view.findings.length === 0) return null;
  const n = new Set(view.findings.map(f => f.kind)).size;
  return (
    <p class="noticed">
      <a href={`${pipelinePath(view.name)}#findings`}>{plural(n, 'kind')} of finding</a> besides:{' '}
      {[...new Set(view.findings.map(f => f.kind.replaceAll('_', ' ')))].slice(0, 5).join(', ')}
      {n > 5 ? ', …' : ''}
    </p>
  );
};
