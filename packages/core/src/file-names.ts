/** Names of files as people may see and save them: no ways out of a folder, no invisible signs, no endless ones. */

const MAX_LENGTH = 200;
const MAX_EXTENSION = 16;
/** Control characters, line and paragraph separators, and the marks that turn reading direction around. */
const INVISIBLE = /[\p{Cc}\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** The last part of a path, cleaned; `file` when nothing is left. The extension survives the cut. */
export function safeFileName(given: string): string {
  const last = given.split(/[/\\]/).at(-1) ?? '';
  const cleaned = last
    .replace(LONE_SURROGATE, '\uFFFD')
    .replace(INVISIBLE, '')
    .replace(/^[\s.]+|[\s.]+$/g, '');
  if (cleaned === '') return 'file';
  if (cleaned.length <= MAX_LENGTH) return cleaned;
  const extension = extensionOf(cleaned);
  return cut(cleaned, MAX_LENGTH - extension.length) + extension;
}

/** `.jpg` in the name's own case, or "". Letters and digits alone: it goes into addresses. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 ? name.slice(dot) : '';
  return extension.length <= MAX_EXTENSION && /^\.[A-Za-z0-9]+$/.test(extension) ? extension : '';
}

/** Never through the middle of a surrogate pair. */
function cut(text: string, length: number): string {
  return text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
}
