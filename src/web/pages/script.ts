/**
 * The pages' only script: fetches the page again every five seconds and puts the new content in place, keeping focus,
 * opened details, scroll and what was written into a form. Without it a `<noscript>` refresh does. When no answer comes, it
 * says that the numbers are old. It also copies: a button with `data-copy` takes the text of the element of that id.
 */
export const SCRIPT = `(() => {
  const EVERY_MS = 5000;
  const pause = document.querySelector('[data-pause]');
  const stale = document.getElementById('stale');
  let paused = false;
  let busy = false;
  const reach = 'a[href],button,input,textarea,select,summary,[tabindex]';
  const writing = () => document.activeElement?.matches('main :is(input,textarea,select)');
  const swap = (old, fresh) => {
    const open = [...old.querySelectorAll('details[open][id]')].map(d => d.id);
    const at = [...old.querySelectorAll(reach)].indexOf(document.activeElement);
    const scrolls = [...old.querySelectorAll('.scroll')].map(s => s.scrollLeft);
    for (const kept of old.querySelectorAll('form[data-keep]')) fresh.querySelector('#' + kept.id)?.replaceWith(kept);
    old.replaceChildren(...fresh.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute('open', '');
    old.querySelectorAll('.scroll').forEach((s, i) => { s.scrollLeft = scrolls[i] ?? 0; });
    if (at >= 0) old.querySelectorAll(reach)[at]?.focus({ preventScroll: true });
  };
  const refresh = async () => {
    if (paused || busy || document.hidden || writing() || !getSelection().isCollapsed) return;
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
  document.documentElement.classList.add('js');
  document.addEventListener('click', async event => {
    const button = event.target.closest('[data-copy]');
    if (!button) return;
    const from = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(from.textContent);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(from);
      button.textContent = 'Selected: copy it';
    }
  });
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
