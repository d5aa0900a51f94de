/** The tables of a pipeline's page: targets, sums of verdicts, how each checkpoint is looked at, gaps. */
import { formatDuration } from '../../domain/words.ts';
import type { CheckpointView, PipelineView, TargetView } from '../../engine/overview.ts';
import { STACK } from './palette.ts';
import { Fresh, Scroll, Section } from './parts.tsx';
import { ago, count, when } from './when.ts';

interface Props {
  readonly pipeline: PipelineView;
  readonly nowMs: number;
}

const DRILLS = [
  ['drill_lost', 'alarm test: found lost'],
  ['drill_open', 'alarm test: open'],
  ['drill_unproven', 'alarm test: unproven'],
  ['drill_seen', 'alarm test: seen!'],
] as const;

const GOOD = ['on_time', 'delivered'] as const;
const TROUBLED = ['late', 'overdue', 'recovered'] as const;

const sumOf = (
  verdicts: TargetView['checkpoints'][number]['verdicts'],
  keys: readonly (keyof typeof verdicts)[],
) => keys.reduce((sum, k) => sum + (verdicts[k] ?? 0), 0);

export const Targets = ({ pipeline, nowMs }: Props) => (
  <Section id="targets" title="Targets">
    <Scroll label="Targets, worst first">
      <table>
        <caption>
          Canaries since {when(pipeline.targetsFromMs, nowMs)} by target, worst first
          {pipeline.targets.n > pipeline.targetsView.length
            ? `; ${count(pipeline.targetsView.length)} of ${count(pipeline.targets.n)} shown`
            : ''}
        </caption>
        <thead>
          <tr>
            <th scope="col" rowspan={2}>
              Target
            </th>
            {pipeline.checkpoints.map(c => (
              <th scope="colgroup" colspan={5} class="group">
                {c.name}
              </th>
            ))}
          </tr>
          <tr>
            {pipeline.checkpoints.map(() => (
              <>
                <th scope="col" class="n group">
                  in time
                </th>
                <th scope="col" class="n">
                  late
                </th>
                <th scope="col" class="n">
                  lost
                </th>
                <th scope="col" class="n">
                  other
                </th>
                <th scope="col">last seen</th>
              </>
            ))}
          </tr>
        </thead>
        <tbody>
          {pipeline.targetsView.map(t => (
            <tr>
              <th scope="row">
                {t.name} {t.state === 'active' ? null : <small>{t.state}</small>}
              </th>
              {pipeline.checkpoints.map(c => (
                <TargetCells at={t.checkpoints.find(tc => tc.name === c.name)} nowMs={nowMs} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  </Section>
);

const TargetCells = ({ at, nowMs }: { at: TargetView['checkpoints'][number] | undefined; nowMs: number }) => {
  if (!at)
    return (
      <td colspan={5} class="group">
        –
      </td>
    );
  const good = sumOf(at.verdicts, GOOD);
  const troubled = sumOf(at.verdicts, TROUBLED);
  const lost = sumOf(at.verdicts, ['lost']);
  const all = Object.values(at.verdicts).reduce((sum, n) => sum + n, 0);
  return (
    <>
      <td class="n group">{count(good)}</td>
      <td class={troubled > 0 ? 'n s-late' : 'n zero'}>{count(troubled)}</td>
      <td class={lost > 0 ? 'n s-losing' : 'n zero'}>{lost > 0 ? `▼ ${count(lost)}` : '0'}</td>
      <td class={all - good - troubled - lost > 0 ? 'n' : 'n zero'}>{count(all - good - troubled - lost)}</td>
      <td>{at.lastSeenMs === null ? 'not in this time' : ago(at.lastSeenMs, nowMs)}</td>
    </>
  );
};

export const VerdictSums = ({ pipeline }: Omit<Props, 'nowMs'>) => {
  const rows = [
    ...STACK.map(s => [s.bucket, s.word, s.meaning] as const),
    ...DRILLS.map(([b, w]) => [b, w, ''] as const),
  ];
  return (
    <Section id="sums" title="Every verdict, summed">
      <Scroll label="Sums of verdicts by checkpoint">
        <table>
          <caption>
            All verdicts of a checkpoint sum to what was scheduled; alarm tests are counted apart
          </caption>
          <thead>
            <tr>
              <th scope="col">Verdict</th>
              {pipeline.checkpoints.map(c => (
                <th scope="col" class="n">
                  {c.name}
                </th>
              ))}
              <th scope="col" class="wide">
                Meaning
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([bucket, word, meaning]) => (
              <tr>
                <th scope="row">{word}</th>
                {pipeline.checkpoints.map(c => (
                  <td class={c.counts[bucket] ? 'n' : 'n zero'}>{count(c.counts[bucket] ?? 0)}</td>
                ))}
                <td class="wide">{meaning}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">scheduled</th>
              {pipeline.checkpoints.map(c => (
                <td class="n">{count(c.scheduled)}</td>
              ))}
              <td class="wide">the sum, without alarm tests</td>
            </tr>
          </tfoot>
        </table>
      </Scroll>
    </Section>
  );
};

export const Checkpoints = ({ pipeline, nowMs }: Props) => (
  <Section id="looks" title="Deadlines and last looks">
    <Scroll label="Deadlines and last looks by checkpoint">
      <table>
        <thead>
          <tr>
            <th scope="col">Checkpoint</th>
            <th scope="col">Asked by</th>
            <th scope="col" class="n">
              On time within
            </th>
            <th scope="col" class="n">
              Lost after
            </th>
            <th scope="col" class="n">
              Holds
            </th>
            <th scope="col">Last look</th>
            <th scope="col">Ended</th>
            <th scope="col" class="n">
              Read
            </th>
            <th scope="col" class="n">
              Canaries
            </th>
          </tr>
        </thead>
        <tbody>
          {pipeline.checkpoints.map(c => (
            <tr>
              <th scope="row">{c.name}</th>
              <td>
                {c.kind} ({c.way})
              </td>
              <td class="n">{formatDuration(c.onTimeWithinMs)}</td>
              <td class="n">{formatDuration(c.lostAfterMs)}</td>
              <td class="n">{c.holdsMs === null ? '–' : formatDuration(c.holdsMs)}</td>
              <LookCells view={c} nowMs={nowMs} />
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  </Section>
);

const LookCells = ({ view, nowMs }: { view: CheckpointView; nowMs: number }) => {
  const look = view.lastLook;
  if (!look) return <td colspan={4}>none yet</td>;
  return (
    <>
      <td>
        <Fresh ms={look.endedMs} nowMs={nowMs} />
      </td>
      <td class={look.end === 'exhausted' ? undefined : 's-blind'}>
        {look.end === 'exhausted' ? 'whole' : `${look.end}: ${look.reason ?? 'no reason given'}`}
        {view.failures > 0 ? `, ${count(view.failures)} in a row` : ''}
      </td>
      <td class="n">{count(look.records)}</td>
      <td class="n">{count(look.found)}</td>
    </>
  );
};

export const Gaps = ({ pipeline, nowMs }: Props) => {
  const gaps = pipeline.checkpoints.flatMap(c => c.gaps.map(g => ({ ...g, checkpoint: c.name })));
  return (
    <Section id="gaps" title="Gaps">
      {gaps.length === 0 ? (
        <p class="none">None: there is no span in which absence could not be proven.</p>
      ) : null}
      <ul class="gaps">
        {gaps.map(g => (
          <li>
            <b>{g.checkpoint}</b> {when(g.fromMs, nowMs, true)}–{when(g.toMs, nowMs, true)} (
            {formatDuration(g.toMs - g.fromMs)}): {g.reason}
          </li>
        ))}
      </ul>
    </Section>
  );
};
