/** `node:url` on a page. */

export const fileURLToPath = (url: URL | string): string => decodeURI(new URL(url).pathname);
