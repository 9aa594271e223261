import { FileDigest } from './file-digest.js';
import type { ImportedFile } from './imported-file.js';
import { ImportError } from './import-error.js';

/** A part of a file, which begins at `fromByte`; `last` when it ends the file. */
export interface FilePart {
  readonly fromByte: number;
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

export function checkPlace(file: ImportedFile, { fromByte, bytes, last }: FilePart): void {
  const { id, state, nextByte, sizeBytes } = file;
  if (state === 'done')
    throw new ImportError('import_finished', `import ${id} is done; every byte was taken`);
  if (fromByte !== nextByte) throw misplaced(nextByte, fromByte);
  const endsAt = fromByte + bytes.length;
  if (last ? endsAt !== sizeBytes : endsAt > sizeBytes)
    throw new ImportError(
      'size_differs',
      `the file has ${sizeBytes} bytes, as its import began with; this ${last ? 'last ' : ''}part ends at byte ${endsAt}`,
    );
}

export const digestTo = ({ hashed, nextByte }: ImportedFile): FileDigest =>
  new FileDigest({ kept: hashed, bytes: nextByte });

/** Before anything of the part that ends the file is handed in: what ends another file must not end this one. */
export function checkDigest(file: ImportedFile, { fromByte, bytes }: FilePart): void {
  if (fromByte + bytes.length < file.sizeBytes) return;
  const sha256 = digestTo(file).update(bytes).end();
  if (sha256 === file.sha256) return;
  const before =
    fromByte === 0 ? '' : ', or begin with another attempt when those before were wrong';
  throw new ImportError(
    'sha256_differs',
    `the ${file.sizeBytes} bytes that came have the SHA-256 ${sha256}, the import began with ${file.sha256}; nothing of this part was taken: send it again${before}`,
  );
}

export function misplaced(nextByte: number, fromByte: number): ImportError {
  return new ImportError(
    'import_position',
    `the next part begins at byte ${nextByte}, this one at byte ${fromByte}`,
  );
}
