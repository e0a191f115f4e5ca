/** `node:fs` on a page, as far as tests read their golden files with it: asked of the server that the page came from. */

function ask(path: string | URL): XMLHttpRequest {
  const request = new XMLHttpRequest();
  request.open("GET", `/disk${encodeURI(path instanceof URL ? path.pathname : path)}`, false);
  // The only way to have bytes from a request that waits.
  request.overrideMimeType("text/plain; charset=x-user-defined");
  request.send();
  return request;
}

export const existsSync = (path: string | URL): boolean => ask(path).status === 200;

export const readdirSync = (path: string | URL): readonly string[] => JSON.parse(ask(path).responseText) as string[];

export function readFileSync(path: string | URL, encoding?: "utf8"): Uint8Array | string {
  const answer = ask(path);
  if (answer.status !== 200) throw new Error(`no file ${path}`);
  const bytes = Uint8Array.from(answer.responseText, (c) => c.charCodeAt(0) & 255);
  return encoding ? new TextDecoder().decode(bytes) : bytes;
}
