export * from './contracts.js';
export { JsonError } from './json/json-error.js';
export { decimalOf, JsonNumber, type Decimal } from './json/number-literal.js';
export { decodeJson, parseJson } from './json/parse.js';
export { MAX_JSON_DEPTH } from './json/reader.js';
export type { JsonTree, NumberReading } from './json/reader.js';
export { canonicalJson, canonicalJsonBytes, canonicalizeJsonText } from './rfc8785.js';
export { FormatError } from './formats/format.js';
export type { CanonicalDocument, MeasuredEnergy, ReadingFacts } from './formats/format.js';
export { asReceived } from './formats/as-received.js';
export type { DocumentCodec } from './formats/codec.js';
export { canonicalize, defaultFormats, formats, readDocument } from './formats/default-formats.js';
export { MAX_ENERGY_KWH, MAX_ENERGY_UWH, microWattHours } from './formats/energy.js';
export type { BridgedEmlog } from './formats/kwh-mqtt-bridge.js';
export { KWH_TOPIC_FILTER, bridgeKwhMessage } from './formats/kwh-mqtt-bridge.js';
export { FormatRegistry } from './formats/registry.js';
export { rfc3339Ms } from './formats/rfc3339.js';
export {
  concat,
  EncodingError,
  equal,
  fromBase64,
  fromHex,
  fromUtf8,
  toBase64,
  toHex,
  uint32be,
  uint64be,
  utf8,
} from './bytes.js';
export { sha256 } from './sha256.js';
export {
  emptyRoot,
  HASH_BYTES,
  leafHash,
  leafHashes,
  logHash,
  nodeHash,
  type Hashing,
  type PairHasher,
  type TreeHashing,
} from './tree-hashing.js';
export { TreeError } from './tree-error.js';
export type { Leaves } from './merkle-levels.js';
export { merkleRoot, TILE_WIDTH, TreeBuilder, type Tile } from './merkle-tree-builder.js';
export {
  inclusionProof,
  MAX_PATH_LENGTH,
  pathOfPositioned,
  pathSides,
  positionedPath,
  rootFromPath,
  verifyInclusion,
  type InclusionClaim,
  type PositionedHash,
  type Side,
} from './inclusion.js';
export { consistencyProof, verifyConsistency, type ConsistencyClaim } from './consistency.js';
export { inclusionProofFromTiles, type TileReader } from './merkle-tiles.js';
export { appendToFrontier, frontierRoot, type Frontier } from './merkle-frontier.js';
export { isOrigin, MAX_ORIGIN_LENGTH } from './origin.js';
export { commitmentDigest, commitmentOf } from './commitment.js';
export {
  appendBatch,
  BATCH_METADATA_VERSION,
  batchLogLeaf,
  BatchMetadataError,
  batchMetadataBytes,
  MAX_BATCH_ENTRIES,
  NO_PREVIOUS_LEAF,
  parseBatchMetadata,
  type AppendedBatch,
  type BatchMetadata,
} from './batch-log.js';
export {
  isAcceptableEd25519,
  isPrimeOrderKey,
  pureEd25519Equation,
  verifyEd25519,
  type Ed25519Equation,
} from './ed25519.js';
export {
  decodeSpki,
  encodeSpki,
  keyIdOf,
  type DecodedKey,
  type SignatureAlgorithm,
} from './spki.js';
export {
  BATCH_NONCE_BYTES,
  batchItemLeaf,
  batchItemNonce,
  batchMessage,
  commandAnswerMessage,
  connectMessage,
  hmacSha256,
  MAX_SIGNED_BATCH,
  readingMessage,
  registerMessage,
  recoverMessage,
  rotateMessage,
  signedMessage,
  SignedMessageError,
} from './device-signing.js';
export {
  cosignatureMessage,
  cosignatureValue,
  formatNote,
  formatVkey,
  NoteError,
  noteKey,
  openNote,
  parseNote,
  parseVkey,
  type NoteKey,
  type NoteKeyType,
  type NoteSignature,
  type SignedNote,
  type VerifiedSignature,
} from './note.js';
export {
  checkpointText,
  formatTlogProof,
  parseCheckpointText,
  parseTlogProof,
  verifyCheckpoint,
  verifyTlogProof,
  type Checkpoint,
  type TlogProof,
  type VerifiedCheckpoint,
} from './checkpoint.js';
export {
  readReceipt,
  RECEIPT_VERSION,
  receiptJson,
  receiptKeyName,
  receiptLeaf,
  receiptOfGroup,
  receiptsMessage,
  verifyReceipt,
  type Receipt,
  type ReceiptClaim,
  type ReceiptFailure,
} from './receipt.js';
export { MAX_RECEIPT_LENGTH, parseReceipt } from './parse-receipt.js';
export { logKeyText, openLogKeyNote, type LogKeyAnnouncement } from './log-key.js';
export { ShapeError } from './shape.js';
export {
  BUNDLE_LIMITS,
  BUNDLE_MEDIA_TYPE,
  BUNDLE_VERSION,
  bundleBytes,
  bundleText,
  readBundle,
  type Bundle,
  type BundleEvidence,
  type BundleSignature,
  type LogPlace,
} from './bundle.js';
export { reaches, type ProofReport, type Statement } from './proof-report.js';
export type { EcdsaVerify, EnvelopeMessage } from './entry-signature.js';
export { checkBundle } from './check-bundle.js';
export type { CanonicalReader, VerifyOptions } from './verify-options.js';
export { verifyProof } from './verify-proof.js';
