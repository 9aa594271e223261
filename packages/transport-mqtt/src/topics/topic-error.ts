/** A map of topics that cannot be used. `code`: `topic_pattern_invalid`, `topic_place_missing`, `topic_maps_overlap`, `topic_map_twice`. */
export class TopicMapError extends Error {
  override readonly name = 'TopicMapError';

  constructor(
    readonly code:
      | 'topic_pattern_invalid'
      | 'topic_place_missing'
      | 'topic_maps_overlap'
      | 'topic_map_twice',
    message: string,
  ) {
    super(message);
  }
}
