/**
 * The pages' only script: fetches the page again every five seconds and puts the new content in place, keeping focus,
 * opened details and scroll. Without it a `<noscript>` refresh does. When no answer comes, it says that the numbers are old.
 */
export const SCRIPT = `(() => {
  const EVERY_MS = 5000;
  const pause = document.querySelector('[data-pause]');
  const stale = document.getElementById('stale');
  let paused = false;
  let busy = false;
  const reach = 'a[href],button,input,summary,[tabindex]';
  const swap = (old, fresh) => {
    const open = [...old.querySelectorAll('details[open][id]')].map(d => d.id);
    const at = [...old.querySelectorAll(reach)].indexOf(document.activeElement);
    const scrolls = [...old.querySelectorAll('.scroll')].map(s => s.scrollLeft);
    old.replaceChildren(...fresh.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute('open', '');
    old.querySelectorAll('.scroll').forEach((s, i) => { s.scrollLeft = scrolls[i] ?? 0; });
    if (at >= 0) old.querySelectorAll(reach)[at]?.focus({ preventScroll: true });
  };
  const refresh = async () => {
    if (paused || busy || document.hidden || !getSelection().isCollapsed) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { cache: 'no-store', signal: AbortSignal.timeout(EVERY_MS) });
      if (!answer.ok) throw new Error('status ' + answer.status);
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
      for (const old of document.querySelectorAll('[data-live]')) {
        const fresh = next.getElementById(old.id);
        if (fresh && fresh.innerHTML !== old.innerHTML) swap(old, fresh);
      }
      document.title = next.title;
      stale.hidden = true;
    } catch (error) {
      const asOf = document.querySelector('#as-of time')?.textContent ?? 'a while ago';
      stale.textContent = 'coalmine did not answer (' + (error.message || error.name) + '). Everything below is as of ' + asOf + ' UTC.';
      stale.hidden = false;
    } finally {
      busy = false;
    }
  };
  pause.hidden = false;
  pause.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    if (!paused) refresh();
  });
  document.addEventListener('visibilitychange', refresh);
  setInterval(refresh, EVERY_MS);
})();
`;
