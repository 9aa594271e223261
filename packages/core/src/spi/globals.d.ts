/**
 * The one global of the contract, declared without members so that neither Node nor the DOM is needed to
 * compile it: it merges with whatever the host's own AbortSignal is. Not part of the emitted declarations.
 */
interface AbortSignal {}
