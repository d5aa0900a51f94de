/**
 * An accessibility audit of our own, run inside the page: what WCAG 2.2 AA asks for and a machine can judge. Each check
 * returns what is wrong, in words. Functions are serialised into the browser, so each stands alone.
 */

export function structure(): string[] {
  const wrong: string[] = [];
  const all = (selector: string): Element[] => [...document.querySelectorAll(selector)];
  const nameOf = (e: Element): string =>
    (
      e.getAttribute('aria-label') ??
      (e.getAttribute('aria-labelledby') ?? '')
        .split(' ')
        .map(id => document.getElementById(id)?.textContent ?? '')
        .join(' ')
    ).trim() ||
    (e instanceof HTMLInputElement || e instanceof HTMLTextAreaElement || e instanceof HTMLSelectElement
      ? [...(e.labels ?? [])].map(l => l.textContent ?? '').join(' ')
      : (e.textContent ?? '')
    ).trim();

  if (!document.documentElement.lang) wrong.push('the document has no language');
  if (!document.title) wrong.push('the document has no title');
  for (const landmark of ['main', 'body > header', 'body > footer'])
    if (all(landmark).length !== 1) wrong.push(`expected one ${landmark}, found ${all(landmark).length}`);
  for (const e of all('nav, aside, section.scroll, article, [role=region]'))
    if (!e.hasAttribute('aria-label') && !e.hasAttribute('aria-labelledby'))
      wrong.push(`${e.tagName} ${e.className} has no name`);
  for (const e of all('[aria-labelledby], [aria-describedby]'))
    for (const id of `${e.getAttribute('aria-labelledby') ?? ''} ${e.getAttribute('aria-describedby') ?? ''}`
      .trim()
      .split(/\s+/))
      if (!document.getElementById(id)) wrong.push(`${e.tagName} points at #${id}, which isn’t there`);

  let level = 0;
  for (const h of all('h1,h2,h3,h4,h5,h6')) {
    const next = Number(h.tagName[1]);
    if (next > level + 1) wrong.push(`${h.tagName} "${h.textContent}" follows a heading of level ${level}`);
    level = next;
  }
  if (all('h1').length !== 1) wrong.push(`expected one h1, found ${all('h1').length}`);

  const ids = all('[id]').map(e => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i)))
    wrong.push(`id ${id} is there twice`);
  for (const e of all('a[href], button, summary, select, textarea, input:not([type=hidden])'))
    if (nameOf(e) === '') wrong.push(`${e.outerHTML.slice(0, 80)} has no name`);
  for (const svg of all('svg'))
    if (!svg.closest('[aria-hidden=true]') && !svg.closest('[role=img][aria-label]'))
      wrong.push(`${svg.outerHTML.slice(0, 80)} is neither decoration nor named`);
  for (const figure of all('figure'))
    if (!figure.querySelector('figcaption')?.textContent?.trim()) wrong.push('a figure has no caption');
  for (const table of all('table')) {
    if (!table.querySelector('thead th[scope]')) wrong.push('a table has no column headers');
    for (const th of table.querySelectorAll('th'))
      if (!th.scope) wrong.push(`th "${th.textContent}" has no scope`);
  }
  for (const list of all('ul, ol'))
    if ([...list.children].some(c => c.tagName !== 'LI'))
      wrong.push(`${list.className} holds more than items`);
  return wrong;
}

export function contrast(): string[] {
  const wrong = new Map<string, string>();
  type Rgba = [number, number, number, number];
  const parse = (css: string): Rgba => {
    const [r = 0, g = 0, b = 0, a = 1] = (css.match(/[\d.]+/g) ?? []).map(Number);
    return css === 'transparent' || css === 'none' ? [0, 0, 0, 0] : [r, g, b, a];
  };
  const over = (top: Rgba, under: Rgba): Rgba => {
    const mix = (i: 0 | 1 | 2): number => top[i] * top[3] + under[i] * (1 - top[3]);
    return [mix(0), mix(1), mix(2), 1];
  };
  const luminance = ([r, g, b]: Rgba): number => {
    const linear = (v: number): number =>
      v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const groundOf = (e: Element | null): Rgba => {
    if (!e) return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
    const ground = parse(getComputedStyle(e).backgroundColor);
    return ground[3] === 1 ? ground : over(ground, groundOf(e.parentElement));
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent?.trim() ?? '';
    const e = walker.currentNode.parentElement;
    if (text === '' || !e || e.closest('noscript, script, style, title')) continue;
    const style = getComputedStyle(e);
    const box = e.getBoundingClientRect();
    if (style.visibility === 'hidden' || box.width < 2 || box.height < 2) continue;
    seen++;
    const ground = groundOf(e);
    const ink = over(parse(e instanceof SVGElement ? style.fill : style.color), ground);
    const [light = 0, dark = 0] = [luminance(ink), luminance(ground)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const px = Number.parseFloat(style.fontSize);
    const isLarge = px >= 24 || (px >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5))
      wrong.set(
        `${e.className} ${style.color}`,
        `"${text.slice(0, 40)}" has ${ratio.toFixed(2)} (${ink} on ${ground})`,
      );
  }
  if (seen < 20) wrong.set('', `only ${seen} texts were found to judge`);
  return [...wrong.values()];
}

/** Everything the keyboard should reach, as it comes in the document. */
export function reachable(): string[] {
  const controls = 'a[href], button, summary, input:not([type=hidden]), textarea, select, [tabindex="0"]';
  return [...document.querySelectorAll(controls)]
    .filter(e => {
      const box = e.getBoundingClientRect();
      return box.width > 0 && box.height > 0 && !e.closest('[hidden], noscript');
    })
    .map(e => `${e.tagName} ${(e.getAttribute('aria-label') ?? e.textContent ?? '').trim().slice(0, 60)}`);
}

/** The focused element, and whether its focus shows. */
export function focused(): { readonly name: string; readonly shows: boolean } {
  const e = document.activeElement ?? document.body;
  const style = getComputedStyle(e);
  return {
    name: `${e.tagName} ${(e.getAttribute('aria-label') ?? e.textContent ?? '').trim().slice(0, 60)}`,
    shows: style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2,
  };
}

/** Buttons and window links too small to hit (WCAG 2.5.8: 24 by 24). */
export function smallTargets(): string[] {
  return [...document.querySelectorAll('button, nav.windows a')]
    .map(e => [e.textContent, e.getBoundingClientRect()] as const)
    .filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
    .map(([text, box]) => `${text}: ${box.width} by ${box.height}`);
}
