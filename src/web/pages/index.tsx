/** Mounts the pages. They are made from the view model when they are asked for, and kept by nobody. */
import type { Context, Hono } from 'hono';
import type { Child } from 'hono/jsx';
import type { RunningEngine } from '../../engine/engine.ts';
import { type Overview, type OverviewOptions, overview, type PipelineView } from '../../engine/overview.ts';
import { mountAssets, POLICY } from './assets.ts';
import { LabAside, type LabPanel, mountLabPanel, readLab } from './lab-panel.tsx';
import { type Frame, Page, WINDOWS, windowWord } from './layout.tsx';
import { OverviewPage, overviewTitle } from './overview-page.tsx';
import { PipelinePage, pipelineTitle } from './pipeline-page.tsx';
import { pipelinePath } from './pipeline-panel.tsx';

export type { LabPanel } from './lab-panel.tsx';

export interface PagesOptions {
  readonly running: RunningEngine;
  readonly version: string;
  /** The demo's lab; its panel is then on every page. */
  readonly lab?: LabPanel;
}

/** `/` and `/pipelines/:name`, with their assets; in the demo the lab's panel and its forms too. */
export function mountPages(app: Hono, options: PagesOptions): void {
  const { running, ...rest } = options;
  mountViews(app, { ...rest, read: asked => overview(running.engine, asked) });
}

export interface ViewsOptions extends Omit<PagesOptions, 'running'> {
  read(asked: OverviewOptions): Promise<Overview>;
}

/** The same over any source of the view model. */
export function mountViews(app: Hono, options: ViewsOptions): void {
  const { read, version, lab } = options;
  mountAssets(app);
  if (lab) mountLabPanel(app, lab);
  const frameOf = (c: Context, path: string): Omit<Frame, 'title' | 'asOfMs' | 'windowMs'> => ({
    path,
    version,
    refresh: c.req.query('refresh') !== 'off',
  });
  const defaultWindow = lab ? '15m' : '24h';
  const windowOf = (c: Context): number => {
    const asked = c.req.query('window') ?? defaultWindow;
    return (
      (WINDOWS.find(w => w[0] === asked) ?? WINDOWS.find(w => w[0] === defaultWindow))?.[1] ?? 86_400_000
    );
  };
  const asideOf = async (pipelines: readonly PipelineView[], frame: Omit<Frame, 'title'>): Promise<Child> => {
    if (!lab) return null;
    const query = `?window=${windowWord(frame.windowMs)}${frame.refresh ? '' : '&refresh=off'}`;
    return <LabAside lab={await readLab(lab, pipelines, `${frame.path}${query}`)} />;
  };

  app.get('/', async c => {
    const windowMs = windowOf(c);
    const view = await read({ windowMs });
    const frame = { ...frameOf(c, '/'), asOfMs: view.asOfMs, windowMs };
    const aside = await asideOf(view.pipelines, frame);
    return send(c, { ...frame, title: overviewTitle(view) }, <OverviewPage view={view} aside={aside} />);
  });

  app.get('/pipelines/:name', async c => {
    const windowMs = windowOf(c);
    const name = c.req.param('name');
    const view = await read({ windowMs, only: [name] });
    const pipeline = view.pipelines.find(p => p.name === name);
    const path = pipelinePath(name);
    const frame = { ...frameOf(c, path), asOfMs: view.asOfMs, windowMs };
    if (!pipeline) {
      const title = 'No such pipeline · coalmine';
      return send(c, { ...frame, title, path: '/' }, <NotFound name={name} />, 404);
    }
    const aside = await asideOf(view.pipelines, frame);
    const title = pipelineTitle(pipeline, view.asOfMs);
    return send(c, { ...frame, title }, <PipelinePage view={view} pipeline={pipeline} aside={aside} />);
  });
}

const NotFound = ({ name }: { name: string }) => (
  <div class="pipelines">
    <h1>No such pipeline</h1>
    <p>
      There is no pipeline named “{name.slice(0, 100)}”. <a href="/">All pipelines</a>
    </p>
  </div>
);

function send(c: Context, frame: Frame, content: Child, status: 200 | 404 = 200): Response {
  const page = <Page frame={frame}>{content}</Page>;
  return c.html(`<!doctype html>${page.toString()}`, status, {
    'content-security-policy': POLICY,
    'cache-control': 'no-store',
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
  });
}
