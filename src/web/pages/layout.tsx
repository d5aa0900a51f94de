/** What surrounds every page: the document, the header with its as-of time, the landmarks. */
import type { Child } from 'hono/jsx';
import { formatDuration } from '../../domain/words.ts';
import { ICON, SCRIPT_FILE, STYLESHEET } from './assets.ts';
import { Canary } from './charts/glyph.tsx';
import { Patterns } from './charts/patterns.tsx';
import { At } from './parts.tsx';

/** How far back a page can look. */
export const WINDOWS: readonly (readonly [word: string, ms: number, title: string])[] = [
  ['15m', 900_000, '15 minutes'],
  ['1h', 3_600_000, '1 hour'],
  ['24h', 86_400_000, '24 hours'],
  ['7d', 7 * 86_400_000, '7 days'],
  ['30d', 30 * 86_400_000, '30 days'],
];

/** Without JavaScript a page is loaded again after so long. */
const NOSCRIPT_REFRESH_S = 15;

export interface Frame {
  /** Path of this page, without its query. */
  readonly path: string;
  readonly title: string;
  readonly asOfMs: number;
  /** How far back it looks; null: it is of spans of its own. */
  readonly windowMs: number | null;
  readonly version: string;
  /** False where the reader asked for a page that stays as it is. */
  readonly refresh: boolean;
  /** It has fields to fill in: without JavaScript it must not be loaded again by itself. */
  readonly fields?: boolean;
  /** What else its address asks for, such as filters. */
  readonly query?: Readonly<Record<string, string>>;
}

/** Address of the page with another window, or with updates on or off. */
function hrefOf(
  frame: Frame,
  { windowMs = frame.windowMs, refresh = frame.refresh }: Partial<Pick<Frame, 'windowMs' | 'refresh'>>,
): string {
  const query = new URLSearchParams({
    ...frame.query,
    ...(windowMs === null ? {} : { window: windowWord(windowMs) }),
    ...(refresh ? {} : { refresh: 'off' }),
  });
  return query.size === 0 ? frame.path : `${frame.path}?${query}`;
}

export const Page = ({ frame, children }: { frame: Frame; children: Child }) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="robots" content="noindex" />
      <title>{frame.title}</title>
      <link rel="icon" type="image/svg+xml" href={ICON.path} />
      <link rel="stylesheet" href={STYLESHEET.path} />
      {frame.refresh && !frame.fields ? (
        <noscript>
          <meta http-equiv="refresh" content={String(NOSCRIPT_REFRESH_S)} />
        </noscript>
      ) : null}
      {frame.refresh ? <script src={SCRIPT_FILE.path} defer /> : null}
    </head>
    <body>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Patterns />
      <header class="site">
        <a class="brand" href="/">
          <Canary size={34} />
          <span>coalmine</span>
        </a>
        <nav class="places" aria-label="Site">
          <a href="/" aria-current={frame.path === '/' ? 'page' : undefined}>
            Pipelines
          </a>
          <a href="/incidents" aria-current={frame.path === '/incidents' ? 'page' : undefined}>
            Incidents
          </a>
        </nav>
        {frame.windowMs === null ? null : <WindowPicker frame={frame} />}
        <div class="clock">
          <p id="as-of" data-live={frame.refresh ? '' : undefined}>
            As of <At ms={frame.asOfMs} nowMs={frame.asOfMs} seconds />
            <abbr title="Coordinated Universal Time; so are all times on this page"> UTC</abbr>
          </p>
          {frame.refresh ? (
            <button type="button" class="quiet" data-pause aria-pressed="false" hidden>
              Pause updates
            </button>
          ) : null}
          {frame.refresh ? (
            <noscript>
              {frame.fields ? (
                <a href={hrefOf(frame, {})}>Load newer numbers</a>
              ) : (
                <a href={hrefOf(frame, { refresh: false })}>Stop reloading</a>
              )}
            </noscript>
          ) : (
            <a href={hrefOf(frame, { refresh: true })}>Keep updating</a>
          )}
        </div>
      </header>
      <p id="stale" class="stale" role="alert" hidden />
      <main id="main" tabindex={-1} data-live={frame.refresh ? '' : undefined}>
        {children}
      </main>
      <footer class="site">
        <p>
          coalmine {frame.version}. Every number is of synthetic sign-in events (canaries), {spanWords(frame)}
          computed when this page was made. Bounds hold for one window looked at once.
        </p>
      </footer>
    </body>
  </html>
);

export const windowWord = (ms: number): string => WINDOWS.find(w => w[1] === ms)?.[0] ?? '1h';

const spanWords = ({ windowMs }: Frame): string =>
  windowMs === null
    ? ''
    : `of the last ${WINDOWS.find(w => w[1] === windowMs)?.[2] ?? formatDuration(windowMs)}, `;

const WindowPicker = ({ frame }: { frame: Frame }) => (
  <nav class="windows" aria-label="Time window">
    <ul>
      {WINDOWS.map(([word, ms, title]) => (
        <li>
          <a
            href={hrefOf(frame, { windowMs: ms })}
            aria-current={ms === frame.windowMs ? 'true' : undefined}
            aria-label={`Last ${title}`}
          >
            {word}
          </a>
        </li>
      ))}
    </ul>
  </nav>
);
