// @ts-check
/** Whether anybody looks at the page: browsers allow few connections, a hidden page needs none. */

const HIDDEN_MS = 10_000;

/**
 * Call a function when the page was hidden for a while, and another one when it is seen again.
 * @param {() => void} leave
 * @param {() => void} come
 * @returns {() => void} ends it
 */
export function whenSeen(leave, come) {
  let timer = 0;
  const change = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(leave, HIDDEN_MS);
    else come();
  };
  document.addEventListener("visibilitychange", change);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", change);
  };
}
