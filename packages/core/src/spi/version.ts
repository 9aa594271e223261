/**
 * The number of the plugin contract. An optional member or a new kind of plugin keeps it; whatever
 * makes a conforming plugin fail raises it. It is 0 until four ledgers pass the conformance kit:
 * while it is 0, UPGRADING.md says what changed.
 */
export const SPI_VERSION = 0;
