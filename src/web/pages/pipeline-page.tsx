/** `/pipelines/:name`: one pipeline with everything that stands behind its numbers. */
import type { Child } from 'hono/jsx';
import type { Overview, PipelineView } from '../../engine/overview.ts';
import { Swatch } from './charts/patterns.tsx';
import { exceptionsOf } from './exceptions.ts';
import { said, sampleText } from './findings.ts';
import { wordOf } from './palette.ts';
import { Fresh, Section } from './parts.tsx';
import { PipelinePanel } from './pipeline-panel.tsx';
import { Checkpoints, Gaps, Targets, VerdictSums } from './pipeline-tables.tsx';
import { headline } from './state.ts';
import { count, isoTime, when } from './when.ts';

const EXCEPTIONS_MAX = 50;
const FINDINGS_MAX = 100;

export const pipelineTitle = (p: PipelineView, nowMs: number): string =>
  `${headline(p, nowMs)} · ${p.title} · coalmine`;

export const PipelinePage = ({
  view,
  pipeline,
  aside,
  open,
}: {
  view: Overview;
  pipeline: PipelineView;
  aside?: Child;
  /** Its open incidents. */
  open?: Child;
}) => {
  const nowMs = view.asOfMs;
  return (
    <div class={aside ? 'with-aside' : undefined}>
      <div class="pipelines">
        <nav aria-label="Breadcrumb" class="crumbs">
          <a href="/">All pipelines</a>
        </nav>
        {open}
        <PipelinePanel view={pipeline} nowMs={nowMs} detail />
        <Exceptions pipeline={pipeline} nowMs={nowMs} />
        <Findings pipeline={pipeline} nowMs={nowMs} />
        <Targets pipeline={pipeline} nowMs={nowMs} />
        <VerdictSums pipeline={pipeline} />
        <Checkpoints pipeline={pipeline} nowMs={nowMs} />
        <Gaps pipeline={pipeline} nowMs={nowMs} />
      </div>
      {aside}
    </div>
  );
};

const Exceptions = ({ pipeline, nowMs }: { pipeline: PipelineView; nowMs: number }) => {
  const { spans, more } = exceptionsOf(pipeline.checkpoints, EXCEPTIONS_MAX);
  return (
    <Section id="exceptions" title="Exceptions">
      {spans.length === 0 ? (
        <p class="none">None in this window: every canary is on time or still expected.</p>
      ) : null}
      <ol class="exceptions">
        {spans.map(s => (
          <li>
            <span class="span">
              <time datetime={isoTime(s.fromMs)}>{when(s.fromMs, nowMs, true)}</time>–
              <time datetime={isoTime(s.toMs)}>{when(s.toMs, nowMs, true)}</time>
            </span>{' '}
            <span class="place">{s.checkpoint}</span>{' '}
            <span class="sums">
              {s.sums.map(([bucket, n]) => (
                <span>
                  <Swatch bucket={bucket} /> <b>{count(n)}</b> {wordOf(bucket)}
                </span>
              ))}
              <span class="of">of {count(s.of)} sent</span>
            </span>
          </li>
        ))}
      </ol>
      {more > 0 ? (
        <p class="none">{count(more)} earlier spans aren’t listed; a shorter window shows them.</p>
      ) : null}
    </Section>
  );
};

const Findings = ({ pipeline, nowMs }: { pipeline: PipelineView; nowMs: number }) => (
  <Section id="findings" title="Findings">
    {pipeline.findings.length === 0 ? <p class="none">Nothing was noticed beside the verdicts.</p> : null}
    <ul class="findings">
      {pipeline.findings.slice(0, FINDINGS_MAX).map(f => {
        const { title, meaning } = said(f);
        const sample = sampleText(f.sample);
        return (
          <li>
            <h3>
              {title} {f.checkpoint === null ? null : <small>at {f.checkpoint}</small>}
            </h3>
            <p>{meaning}</p>
            <p class="seen-to">
              First {when(f.firstMs, nowMs, true)}, last <Fresh ms={f.lastMs} nowMs={nowMs} />
            </p>
            {sample ? (
              <details id={`sample-${f.kind}-${f.checkpoint ?? ''}-${f.firstMs}`}>
                <summary>Newest sample</summary>
                <pre>
                  <code>{sample}</code>
                </pre>
              </details>
            ) : null}
          </li>
        );
      })}
    </ul>
  </Section>
);
