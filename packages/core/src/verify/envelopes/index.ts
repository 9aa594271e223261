export {
  chainedBatchMessage,
  chainHash,
  chainHeader,
  readChainHeader,
  type ChainPlace,
} from './batch-chain.js';
export { CborMap, cborOfJson, jsonOfCbor, readCbor, type CborValue } from './cbor.js';
export {
  CHAIN_PROOF_VERSION,
  chainOfBundles,
  chainProofText,
  MAX_CHAIN_BATCHES,
  readChainProof,
  verifyChain,
  type ChainLink,
  type ChainOptions,
  type ChainProof,
  type ChainReport,
} from './chain-proof.js';
export {
  coseMessage,
  jsonOfCborPayload,
  readCoseHeader,
  splitCose,
  type CoseHeader,
  type CoseSign1,
} from './cose.js';
export { lowSSignature, signatureOfDer } from './ecdsa-signature.js';
export { EnvelopeError } from './envelope-error.js';
export { envelopeMessage, type SignedEnvelope } from './envelope-message.js';
export {
  fromBase64Url,
  jwsMessage,
  readJwsHeader,
  splitJws,
  toBase64Url,
  type CompactJws,
  type JwsHeader,
} from './jws.js';
export type { SignedHeader } from './signed-header.js';
