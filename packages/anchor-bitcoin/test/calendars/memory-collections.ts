import type { Collections, StoredDocument } from '@wattproof/core/spi';

/** The part of a host's collections that one anchor uses. */
export function memoryCollections(): Collections {
  const documents = new Map<string, StoredDocument>();
  const unused = () => Promise.reject(new Error('not used here'));
  return {
    get: async (collection, key) => documents.get(`${collection}/${key}`),
    put: async (collection, key, value) => {
      const version = (documents.get(`${collection}/${key}`)?.version ?? 0) + 1;
      const stored = JSON.parse(JSON.stringify(value)) as StoredDocument['value'];
      documents.set(`${collection}/${key}`, { key, value: stored, version });
      return version;
    },
    delete: unused,
    batch: unused,
    range: unused,
  };
}
