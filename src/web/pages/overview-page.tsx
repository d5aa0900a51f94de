/** `/`: every pipeline, worst first in words, then each in full; beyond thirty a compact table. */
import type { Child } from 'hono/jsx';
import type { CheckpointView, Overview, PipelineView } from '../../engine/overview.ts';
import { shapesOf, thinned } from './charts/columns.ts';
import { StateGlyph } from './charts/glyph.tsx';
import { drillWords } from './findings.ts';
import { Scroll } from './parts.tsx';
import { PipelinePanel, pipelinePath } from './pipeline-panel.tsx';
import { headline, STATE_ORDER, tally } from './state.ts';
import { count, percent, percentDigits, plural } from './when.ts';

/** More pipelines than this are listed, not drawn. */
const PANELS_MAX = 30;
/** Shapes in all charts of the page, about 90 bytes each: beyond, pipelines are listed. The page stays under a megabyte. */
const SHAPES_MAX = 6_500;
/** What a checkpoint costs beside its bars, in shapes. */
const CHECKPOINT_SHAPES = 50;

/** How many, from the first on, can be drawn in full. */
function drawable(pipelines: readonly PipelineView[]): number {
  if (pipelines.length > PANELS_MAX) return 0;
  let shapes = 0;
  const tooMany = pipelines.findIndex(p => {
    for (const c of p.checkpoints) shapes += CHECKPOINT_SHAPES + shapesOf(thinned(c.bars));
    return shapes > SHAPES_MAX;
  });
  return tooMany < 0 ? pipelines.length : tooMany;
}

export const overviewTitle = (view: Overview): string => {
  const bad = view.pipelines.filter(p => p.state !== 'healthy');
  return bad.length === 0 ? 'All healthy · coalmine' : `${tally(bad)} · coalmine`;
};

export const OverviewPage = ({ view, aside, open }: { view: Overview; aside?: Child; open?: Child }) => {
  const sorted = [...view.pipelines].sort(
    (a, b) => STATE_ORDER.indexOf(a.state) - STATE_ORDER.indexOf(b.state),
  );
  const drawn = drawable(sorted);
  return (
    <div class={aside ? 'with-aside' : undefined}>
      <div class="pipelines">
        <Summary view={view} lab={Boolean(aside)} />
        {open}
        {sorted.slice(0, drawn).map(p => (
          <PipelinePanel view={p} nowMs={view.asOfMs} detail={false} />
        ))}
        {drawn < sorted.length ? <PipelineTable pipelines={sorted.slice(drawn)} nowMs={view.asOfMs} /> : null}
      </div>
      {aside}
    </div>
  );
};

function summaryWords(pipelines: readonly PipelineView[], healthy: number): string {
  const [first] = pipelines;
  if (!first) return 'No pipeline is configured';
  if (pipelines.length === 1) return `The pipeline is ${tally(pipelines).replace(/^1 /, '')}`;
  if (healthy === pipelines.length) return `All ${count(healthy)} pipelines are healthy`;
  return `${count(healthy)} of ${plural(pipelines.length, 'pipeline')} healthy`;
}

const Summary = ({ view, lab }: { view: Overview; lab: boolean }) => {
  const { pipelines } = view;
  const healthy = pipelines.filter(p => p.state === 'healthy').length;
  const words = summaryWords(pipelines, healthy);
  return (
    <div class="summary">
      <h1>{words}</h1>
      {healthy === pipelines.length || pipelines.length === 1 ? null : (
        <ul class="tally">
          {STATE_ORDER.map(s => [s, pipelines.filter(p => p.state === s)] as const)
            .filter(([s, of]) => of.length > 0 && s !== 'healthy')
            .map(([s, of]) => (
              <li class={`s-${s}`}>
                <StateGlyph state={s} size={14} /> {tally(of)}
              </li>
            ))}
        </ul>
      )}
      {lab ? (
        <a class="to-lab" href="#lab">
          Break it
        </a>
      ) : null}
    </div>
  );
};

const leavesOf = (p: PipelineView): CheckpointView[] =>
  p.checkpoints.filter(c => !p.checkpoints.some(d => d.after === c.name));

const PipelineTable = ({ pipelines, nowMs }: { pipelines: readonly PipelineView[]; nowMs: number }) => (
  <Scroll label="All pipelines, worst first">
    <table>
      <thead>
        <tr>
          <th scope="col">Pipeline</th>
          <th scope="col">State</th>
          <th scope="col">Destination</th>
          <th scope="col" class="n">
            Complete
          </th>
          <th scope="col" class="n">
            At least
          </th>
          <th scope="col" class="n">
            Worst case
          </th>
          <th scope="col" class="n">
            n
          </th>
          <th scope="col" class="n">
            Coverage
          </th>
          <th scope="col">Alarm test</th>
        </tr>
      </thead>
      {pipelines.map(p => (
        <tbody>
          {leavesOf(p).map((c, i, all) => (
            <tr>
              {i === 0 ? (
                <th scope="rowgroup" rowspan={all.length}>
                  <a href={pipelinePath(p.name)}>{p.title}</a>
                </th>
              ) : null}
              {i === 0 ? (
                <td rowspan={all.length} class={`s-${p.state}`}>
                  <StateGlyph state={p.state} size={14} /> {headline(p, nowMs)}
                </td>
              ) : null}
              <LeafCells view={c} />
              {i === 0 ? (
                <td rowspan={all.length}>{drillWords(p.drill, nowMs).words.split(':')[0]}</td>
              ) : null}
            </tr>
          ))}
        </tbody>
      ))}
    </table>
  </Scroll>
);

const LeafCells = ({ view }: { view: CheckpointView }) => {
  const { accepted, worst } = view.completeness;
  const digits = percentDigits(worst.n);
  return (
    <>
      <td>{view.name}</td>
      <td class="n">{percent(accepted.share, digits)}</td>
      <td class="n">{accepted.n === 0 ? '–' : percent(accepted.atLeast, digits, 'down')}</td>
      <td class="n">{percent(worst.share, digits)}</td>
      <td class="n">{count(worst.n)}</td>
      <td class="n">{percent(view.coverage, view.coverage === 1 ? 0 : 1, 'down')}</td>
    </>
  );
};
