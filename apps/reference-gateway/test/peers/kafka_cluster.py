# A Kafka cluster of one broker as librdkafka brings it (test.mock.num.brokers): topics, groups and offsets in memory.
# Prints where it listens and lives until its input ends.
import sys

from confluent_kafka import Producer

cluster = Producer({'bootstrap.servers': 'none', 'test.mock.num.brokers': 1, 'log_level': 0})
[broker] = cluster.list_topics(timeout=30).brokers.values()
print(f'listening on {broker.host}:{broker.port}', flush=True)
sys.stdin.read()
