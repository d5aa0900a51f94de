/** Mounts the pages. They are made from the view model when they are asked for, and kept by nobody. */
import type { Context, Hono } from 'hono';
import type { Child } from 'hono/jsx';
import type { RunningEngine } from '../../engine/engine.ts';
import { type Overview, type OverviewOptions, overview, type PipelineView } from '../../engine/overview.ts';
import { createAccess } from '../access.ts';
import { Problem } from '../problem.ts';
import { mountAssets } from './assets.ts';
import { deskOf } from './incident-desk.ts';
import { OpenIncidents, worstFirst } from './incident-list.tsx';
import { type IncidentDesk, mountIncidents } from './incident-routes.tsx';
import { LabAside, type LabPanel, mountLabPanel, readLab } from './lab-panel.tsx';
import { type Frame, WINDOWS, windowWord } from './layout.tsx';
import { OverviewPage, overviewTitle } from './overview-page.tsx';
import { PipelinePage, pipelineTitle } from './pipeline-page.tsx';
import { pipelinePath } from './pipeline-panel.tsx';
import { NotFound, send } from './send.tsx';

export type { LabPanel } from './lab-panel.tsx';

/** Open incidents that a page of pipelines lists. */
const OPEN_MAX = 5;
const OPEN_READ_MAX = 100;

export interface PagesOptions {
  readonly running: RunningEngine;
  readonly version: string;
  /** The demo's lab; its panel is then on every page. */
  readonly lab?: LabPanel;
}

/**
 * `/`, `/pipelines/:name` and `/incidents`, with their assets; in the demo the lab's panel and its forms too. A request sees the
 * pipelines that `access` lets it read; a browser is asked for a key as the password of Basic authentication.
 */
export function mountPages(app: Hono, options: PagesOptions): void {
  const { running, ...rest } = options;
  const access = createAccess(running.engine.config);
  app.use('/lab-panel/*', (c, next) => {
    access.demand(c.req.raw, 'write');
    return next();
  });
  mountViews(app, {
    ...rest,
    readable: request => access.readable(request),
    read: asked => overview(running.engine, asked),
    pipelines: running.engine.config.pipelines,
    incidents: deskOf(running.engine, access),
  });
}

export interface ViewsOptions extends Omit<PagesOptions, 'running'> {
  /** Names of the pipelines that a request may see; throws Problem where there can't be any. */
  readable(request: Request): readonly string[];
  read(asked: OverviewOptions): Promise<Overview>;
  /** All there are: for choosing one. */
  readonly pipelines: readonly { readonly name: string; readonly title: string }[];
  readonly incidents: IncidentDesk;
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
  const asideOf = async (
    pipelines: readonly PipelineView[],
    frame: Omit<Frame, 'title'> & { windowMs: number },
  ): Promise<Child> => {
    if (!lab) return null;
    const query = `?window=${windowWord(frame.windowMs)}${frame.refresh ? '' : '&refresh=off'}`;
    return <LabAside lab={await readLab(lab, pipelines, `${frame.path}${query}`)} />;
  };

  /** A browser that gives no key is asked for one; other refusals stay what they are. */
  const namesFor = (c: Context): readonly string[] | Response => {
    try {
      return options.readable(c.req.raw);
    } catch (error) {
      if (!(error instanceof Problem) || error.kind !== 'unauthorized') throw error;
      c.header(
        'www-authenticate',
        'Basic realm="coalmine: any name, a key as the password", charset="UTF-8"',
      );
      return c.text('401: expected a key of access.keys as the password; any name will do\n', 401);
    }
  };

  const openOf = async (c: Context, names: readonly string[]): Promise<Child> => {
    const page = await options.incidents.page(c.req.raw, names, { state: 'open', limit: OPEN_READ_MAX });
    const worst = worstFirst(page.incidents);
    const more = page.next !== null || worst.length > OPEN_MAX;
    return <OpenIncidents incidents={worst.slice(0, OPEN_MAX)} more={more} nowMs={page.asOfMs} />;
  };
  mountIncidents(app, { desk: options.incidents, pipelines: options.pipelines, frameOf, namesFor });

  app.get('/', async c => {
    const windowMs = windowOf(c);
    const names = namesFor(c);
    if (names instanceof Response) return names;
    const view = await read({ windowMs, only: names });
    const frame = { ...frameOf(c, '/'), asOfMs: view.asOfMs, windowMs };
    const aside = await asideOf(view.pipelines, frame);
    return send(
      c,
      { ...frame, title: overviewTitle(view) },
      <OverviewPage view={view} aside={aside} open={await openOf(c, names)} />,
    );
  });

  app.get('/pipelines/:name', async c => {
    const windowMs = windowOf(c);
    const name = c.req.param('name');
    const names = namesFor(c);
    if (names instanceof Response) return names;
    const view = await read({ windowMs, only: names.filter(n => n === name) });
    const pipeline = view.pipelines.find(p => p.name === name);
    const path = pipelinePath(name);
    const frame = { ...frameOf(c, path), asOfMs: view.asOfMs, windowMs };
    if (!pipeline) {
      const title = 'No such pipeline · coalmine';
      const content = (
        <NotFound title="No such pipeline">
          There is no pipeline named “{name.slice(0, 100)}”. <a href="/">All pipelines</a>
        </NotFound>
      );
      return send(c, { ...frame, title, path: '/' }, content, 404);
    }
    const aside = await asideOf(view.pipelines, frame);
    const title = pipelineTitle(pipeline, view.asOfMs);
    const open = await openOf(c, [name]);
    return send(
      c,
      { ...frame, title },
      <PipelinePage view={view} pipeline={pipeline} aside={aside} open={open} />,
    );
  });
}
