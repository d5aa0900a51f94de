/** The demo's panel: breaks the lab's pipeline with plain forms, and says what should be seen then. */
import type { Hono } from 'hono';
import type { PipelineView } from '../../engine/overview.ts';
import { type LabFault, labFaults, paceOf } from './lab-faults.ts';
import { sameOrigin } from './same-origin.ts';
import { count } from './when.ts';

/** The lab as the web may know it. */
export interface LabPanel {
  faults(): Promise<unknown>;
  put(patch: unknown): Promise<void>;
  reset(): Promise<void>;
  restart(agent: string): Promise<void>;
  readonly agents: readonly string[];
  /** The lab's own account of what became of the canaries it met. */
  truthCounts(): Promise<Record<string, number>>;
}

/** What the panel shows now. */
export interface LabView {
  readonly settings: unknown;
  readonly truth: Readonly<Record<string, number>>;
  readonly agents: readonly string[];
  readonly pipelines: readonly PipelineView[];
  /** Where a form returns to. */
  readonly back: string;
}

export async function readLab(
  lab: LabPanel,
  pipelines: readonly PipelineView[],
  back: string,
): Promise<LabView> {
  const [settings, truth] = await Promise.all([lab.faults(), lab.truthCounts()]);
  return { settings, truth, agents: lab.agents, pipelines, back };
}

/** The forms' addresses. All refuse posts from elsewhere. */
export function mountLabPanel(app: Hono, lab: LabPanel): void {
  app.use('/lab-panel/*', sameOrigin);
  const faults = labFaults(lab.agents, { onTimeWithinMs: 0, lostAfterMs: 0 });
  app.post('/lab-panel/faults/:id/:turn{on|off}', async c => {
    const fault = faults.find(f => f.id === c.req.param('id'));
    if (!fault) return c.text(`404: no such fault; there are ${faults.map(f => f.id).join(', ')}\n`, 404);
    await lab.put(c.req.param('turn') === 'on' ? fault.patch : fault.repair);
    return c.redirect(await backOf(c.req.raw), 303);
  });
  app.post('/lab-panel/restart/:agent', async c => {
    const agent = c.req.param('agent');
    if (!lab.agents.includes(agent))
      return c.text(`404: no such agent; there are ${lab.agents.join(', ')}\n`, 404);
    await lab.restart(agent);
    return c.redirect(await backOf(c.req.raw), 303);
  });
  app.post('/lab-panel/reset', async c => {
    await lab.reset();
    return c.redirect(await backOf(c.req.raw), 303);
  });
}

const BODY_BYTES_MAX = 4_096;

/** The page that the form stood on: a path of ours, never another site's. */
async function backOf(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length') ?? BODY_BYTES_MAX + 1) > BODY_BYTES_MAX) return '/';
  const back = new URLSearchParams(await request.text()).get('back') ?? '/';
  return /^\/(pipelines\/[^/\\?#]+)?(\?window=\w{1,4}(&refresh=off)?)?$/.test(back) ? back : '/';
}

export const LabAside = ({ lab }: { lab: LabView }) => {
  const faults = labFaults(lab.agents, paceOf(lab.pipelines));
  const groups = [...new Set(faults.map(f => f.group))];
  const active = faults.filter(f => f.active(lab.settings));
  return (
    <aside class="lab" aria-labelledby="lab">
      <h2 id="lab">Break it</h2>
      <p>
        This is a demo: the pipeline, its agents and its log store are a lab in this process. Turn a fault on
        and watch what coalmine says.
      </p>
      <p class="active-faults">
        <b>{active.length === 0 ? 'No fault is on.' : `On now: ${active.map(f => f.label).join('; ')}.`}</b>
      </p>
      <form method="post" action="/lab-panel/reset">
        <Back lab={lab} />
        <button type="submit">Repair everything</button>
      </form>
      {groups.map(group => (
        <section aria-label={group}>
          <h3>{group}</h3>
          {faults
            .filter(f => f.group === group)
            .map(f => (
              <Fault fault={f} lab={lab} />
            ))}
          {group === 'Agents' ? <Restarts lab={lab} /> : null}
        </section>
      ))}
      <Truth lab={lab} />
    </aside>
  );
};

const Back = ({ lab }: { lab: LabView }) => <input type="hidden" name="back" value={lab.back} />;

const Fault = ({ fault, lab }: { fault: LabFault; lab: LabView }) => {
  const on = fault.active(lab.settings);
  return (
    <form
      class={on ? 'fault is-on' : 'fault'}
      method="post"
      action={`/lab-panel/faults/${fault.id}/${on ? 'off' : 'on'}`}
    >
      <Back lab={lab} />
      <button type="submit" aria-describedby={`expect-${fault.id}`}>
        {on ? <span class="on">On</span> : null}
        {on ? ` Repair: ${fault.label}` : fault.label}
      </button>
      <p id={`expect-${fault.id}`}>{fault.expect}</p>
    </form>
  );
};

const Restarts = ({ lab }: { lab: LabView }) => (
  <div class="restarts">
    {lab.agents.map(agent => (
      <form method="post" action={`/lab-panel/restart/${encodeURIComponent(agent)}`}>
        <Back lab={lab} />
        <button type="submit">Restart {agent}</button>
      </form>
    ))}
    <p>A restart clears a stall; the cache is kept and shipped, so lost canaries come back as recovered.</p>
  </div>
);

const Truth = ({ lab }: { lab: LabView }) => (
  <section aria-labelledby="truth">
    <h3 id="truth">What the lab itself knows</h3>
    <dl class="truth">
      {Object.entries(lab.truth).map(([name, n]) => (
        <div>
          <dt>{name}</dt>
          <dd>{count(n)}</dd>
        </div>
      ))}
    </dl>
    <p>The truth, to hold coalmine’s word against. coalmine can’t see it.</p>
  </section>
);
