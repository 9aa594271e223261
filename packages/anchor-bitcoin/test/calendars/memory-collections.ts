import type { Collections, StoredDocument } from '@wattproof/core/spi';

export interface MemoryCollections extends Collections {
  /** Another one that holds what this one holds now. */
  copy(): MemoryCollections;
}

/** The part of a host's collections that anchors use; a range is one page, by an index of strings. */
export function memoryCollections(
  from: ReadonlyMap<string, StoredDocument> = new Map(),
): MemoryCollections {
  const documents = new Map(from);
  const unused = () => Promise.reject(new Error('not used here'));
  return {
    copy: () => memoryCollections(documents),
    get: async (collection, key) => documents.get(`${collection}/${key}`),
    put: async (collection, key, value) => {
      const version = (documents.get(`${collection}/${key}`)?.version ?? 0) + 1;
      const stored = JSON.parse(JSON.stringify(value)) as StoredDocument['value'];
      documents.set(`${collection}/${key}`, { key, value: stored, version });
      return version;
    },
    delete: unused,
    batch: unused,
    range: async (collection, { by, from = '', to = '~', reverse }) => {
      const place = ({ value, key }: StoredDocument) => `${String(value[by ?? ''])}/${key}`;
      const items = [...documents]
        .filter(([name]) => name.startsWith(`${collection}/`))
        .map(([, document]) => document)
        .filter((document) => place(document) >= String(from) && place(document) <= String(to))
        .sort((a, b) => (place(a) < place(b) ? -1 : 1));
      return { items: reverse === true ? items.toReversed() : items };
    },
  };
}
