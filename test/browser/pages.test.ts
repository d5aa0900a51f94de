import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture } from '../web/pages/fixture.ts';
import { contrast, focused, reachable, smallTargets, structure } from './audit.ts';
import { missing, openChromium, openSite, type Site } from './chromium.ts';

const PATHS = [
  '/',
  '/pipelines/ssh-to-loki',
  '/pipelines/entra-sign-ins',
  '/pipelines/nope',
  '/incidents',
  '/incidents/3',
  '/incidents/7',
  '/incidents/8',
  '/incidents/9',
];

if (missing) console.warn(`browser suite ${missing}`);

describe.skipIf(missing)(`pages in Chromium${missing ? ` (${missing})` : ''}`, () => {
  let browser: Browser;
  let site: Site;
  beforeAll(async () => {
    [browser, site] = await Promise.all([openChromium(), openSite()]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  /** A page, and everything that went wrong on it: errors, failed or foreign requests. */
  async function visit<T>(
    path: string,
    options: BrowserContextOptions,
    look: (page: Page) => Promise<T>,
  ): Promise<{ found: T; troubles: string[] }> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const troubles: string[] = [];
    page.on('console', m => {
      const isOurs404 = path.endsWith('/nope') && m.text().includes('404');
      if (['error', 'warning'].includes(m.type()) && !isOurs404) troubles.push(m.text());
    });
    page.on('pageerror', e => troubles.push(e.message));
    page.on('request', r => {
      if (!r.url().startsWith(`${site.origin}/`)) troubles.push(`left the origin: ${r.url()}`);
    });
    try {
      await page.goto(`${site.origin}${path}`);
      return { found: await look(page), troubles };
    } finally {
      await context.close();
    }
  }

  describe.each(PATHS)('%s', path => {
    test.each(['light', 'dark'] as const)(
      'has structure, contrast and no trouble in %s',
      async colorScheme => {
        const { found, troubles } = await visit(path, { colorScheme }, async page => ({
          structure: await page.evaluate(structure),
          contrast: path.endsWith('/nope') ? [] : await page.evaluate(contrast),
          small: await page.evaluate(smallTargets),
        }));
        expect(found).toEqual({ structure: [], contrast: [], small: [] });
        expect(troubles).toEqual([]);
      },
    );

    test('does not scroll sideways at 320 px', async () => {
      const viewport = { width: 320, height: 640 };
      const { found } = await visit(path, { viewport }, page =>
        page.evaluate(() => ({
          over: Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth),
          cut: [...document.querySelectorAll('main *')]
            .filter(e => !e.closest('svg, .scroll, .unseen'))
            .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
            .map(e => e.outerHTML.slice(0, 80)),
        })),
      );
      expect(found).toEqual({ over: 0, cut: [] });
    });

    test('gives every control to the keyboard, in order, with a focus that shows', async () => {
      const { found } = await visit(path, {}, async page => {
        const wanted = await page.evaluate(reachable);
        const got: { name: string; shows: boolean }[] = [];
        for (let i = 0; i < wanted.length; i++) {
          await page.keyboard.press('Tab');
          got.push(await page.evaluate(focused));
        }
        return { wanted, got };
      });
      expect(found.got.map(g => g.name)).toEqual(found.wanted);
      expect(found.got.filter(g => !g.shows)).toEqual([]);
    });
  });

  test('works without JavaScript: says the state, and a button breaks the lab', async () => {
    const { found } = await visit('/', { javaScriptEnabled: false }, async page => {
      const text = await page.locator('main').textContent();
      await page.getByRole('button', { name: 'Stall web-1' }).click();
      return { text, after: await page.locator('.active-faults').textContent(), url: page.url() };
    });
    expect(found.text).toContain('Losing since 11:41, between archive and loki');
    expect(found.after).toBe('On now: Stall web-1.');
    expect(found.url).toBe(`${site.origin}/?window=15m`);
    expect(site.faults.agent('web-1').stall).toBe(true);
    site.faults.reset();
  });

  test('without JavaScript an incident is taken and noted upon, and the page doesn’t reload what is being written', async () => {
    site.desk.said.length = 0;
    const { found } = await visit('/incidents/7', { javaScriptEnabled: false }, async page => {
      await page.locator('#ack-by').fill('Kim');
      await page.getByRole('button', { name: 'Acknowledge' }).click();
      await page.getByLabel('What do you know').fill('Two lines\nof it');
      await page.getByRole('button', { name: 'Add note' }).click();
      return {
        url: page.url(),
        reloads: await page.locator('meta[http-equiv=refresh]').count(),
        copies: await page.locator('.copy:visible').count(),
      };
    });
    expect(site.desk.said).toEqual([
      { id: 7, kind: 'ack', text: '', by: 'Kim' },
      { id: 7, kind: 'note', text: 'Two lines\r\nof it', by: '' },
    ]);
    expect(found).toEqual({ url: `${site.origin}/incidents/7#notes`, reloads: 0, copies: 0 });
  });

  test('new numbers leave what is being written as it is, and a button copies the query whole', async () => {
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`${site.origin}/incidents/7`);
    await page.locator('#note-text').fill('half a th');
    const before = await page.locator('.since').textContent();
    site.desk.nowMs += 5_000;
    await page.clock.fastForward(5_100);
    expect(await page.locator('.since').textContent()).toBe(before);
    await page.locator('h1').click();
    await page.clock.fastForward(5_100);
    await page.locator('.since', { hasText: '22 min 29 s' }).waitFor();
    expect(await page.locator('#note-text').inputValue()).toBe('half a th');
    await page.getByRole('button', { name: 'Copy: query' }).click();
    await page.locator('.copy', { hasText: 'Copied' }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(
      '{job="auth", host="web-1"} |=',
    );
    site.desk.nowMs -= 5_000;
    await context.close();
  });

  test('brings new numbers by itself, keeping focus and opened details, and says when none come', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`${site.origin}/pipelines/ssh-to-loki`);
    await page.locator('details summary').first().click();
    const focus = await page.evaluate(focused);
    site.view = { ...fixture, asOfMs: fixture.asOfMs + 5_000 };
    await page.clock.fastForward(5_100);
    await page.locator('#as-of time', { hasText: '12:03:29' }).waitFor();
    expect(await page.evaluate(focused)).toEqual(focus);
    expect(await page.locator('details[open]').count()).toBe(1);
    expect(await page.locator('#stale').isHidden()).toBe(true);

    site.down = true;
    await page.clock.fastForward(5_100);
    await page.locator('#stale', { hasText: 'Everything below is as of 12:03:29 UTC' }).waitFor();
    site.down = false;
    await page.clock.fastForward(5_100);
    await page.locator('#stale').waitFor({ state: 'hidden' });

    await page.getByRole('button', { name: 'Pause updates' }).click();
    site.view = { ...fixture, asOfMs: fixture.asOfMs + 9_000 };
    await page.clock.fastForward(20_000);
    expect(await page.locator('#as-of time').textContent()).toBe('12:03:29');
    site.view = fixture;
    await context.close();
  });

  test('new numbers of the same shape move nothing on the page', async () => {
    const { found } = await visit('/', {}, async page => {
      const places = () =>
        page.evaluate(() =>
          [...document.querySelectorAll('article, .lab, footer')].map(e => e.getBoundingClientRect().top),
        );
      const before = await places();
      site.view = { ...fixture, asOfMs: fixture.asOfMs + 1_000 };
      await page.reload();
      return { before, after: await places() };
    });
    site.view = fixture;
    expect(found.after).toEqual(found.before);
  });

  test('an incident prints without its forms, and with its chart', async () => {
    const { found } = await visit('/incidents/7', {}, async page => {
      await page.emulateMedia({ media: 'print' });
      return {
        controls: await page.locator('button:visible, input:visible, textarea:visible').count(),
        charts: await page.locator('svg.bars:visible').count(),
      };
    });
    expect(found).toEqual({ controls: 0, charts: 1 });
  });

  test('prints without controls, and with every chart', async () => {
    const { found } = await visit('/pipelines/ssh-to-loki', {}, async page => {
      await page.emulateMedia({ media: 'print' });
      return {
        buttons: await page.locator('button:visible').count(),
        charts: await page.locator('svg.bars:visible').count(),
      };
    });
    expect(found).toEqual({ buttons: 0, charts: 2 });
  });
});
