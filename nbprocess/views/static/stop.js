// Stop a job by whatever way is open: the kernel, the server extension, or an interrupt of the cell that waits.
// @ts-check

const PATIENCE_MS = 1000;

/** What JupyterLab and Notebook 7 write into their pages. */
export function serverAddress() {
  const node = document.getElementById("jupyter-config-data");
  if (!node?.textContent) return null;
  try {
    const config = JSON.parse(node.textContent);
    return { base: new URL(config.baseUrl ?? "/", location.origin).href, token: String(config.token ?? "") };
  } catch {
    return null;
  }
}

/**
 * POST to the Jupyter server of this page; false when it is not one, refuses or does not know the path.
 * @param {string} path
 */
export async function post(path) {
  const server = serverAddress();
  if (!server) return false;
  const xsrf = document.cookie.match(/(?:^|;\s*)_xsrf=([^;]*)/)?.[1];
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": "application/json" };
  if (xsrf) headers["X-XSRFToken"] = decodeURIComponent(xsrf);
  if (server.token) headers.Authorization = `token ${server.token}`;
  try {
    const response = await fetch(new URL(path, server.base), { method: "POST", headers, body: "{}", credentials: "same-origin" });
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * @param {object} job
 * @param {string} job.name
 * @param {() => void} job.ask the kernel
 * @param {() => boolean} job.heard whether the kernel answered
 * @param {() => boolean} job.waiting whether a cell waits for the job
 * @param {() => string} job.kernel
 * @returns {Promise<boolean>} whether the request went somewhere
 */
export async function stopJob({ name, ask, heard, waiting, kernel }) {
  ask();
  const limit = performance.now() + PATIENCE_MS;
  while (performance.now() < limit) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (heard()) return true;
  }
  if (await post(`nbprocess/api/jobs/${encodeURIComponent(name)}/stop`)) return true;
  if (heard()) return true;
  // The cell that waits takes an interrupt as "stop the job". Any other cell must not be interrupted.
  return waiting() && kernel() !== "" && (await post(`api/kernels/${encodeURIComponent(kernel())}/interrupt`));
}
