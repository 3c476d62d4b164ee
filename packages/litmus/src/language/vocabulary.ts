/** Names that this package does not know itself; the model brings them. */
export interface Vocabulary {
  /** `6.1`, `6.12`, ... */
  readonly releases?: readonly string[];
  readonly arches?: readonly string[];
  /** Decision points with their choices. */
  readonly points?: Readonly<Record<string, readonly string[]>>;
  /** Devices that a driver may act for. */
  readonly devices?: readonly string[];
}
