import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.StringJoiner;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/** One member of a group, as interop.groups.member: SERVERS GROUP TOPIC DIARY PROTOCOL SESSION_MS. */
public final class GroupMember {
    private static PrintStream diary;
    private static volatile boolean stopping = false;

    private static synchronized void write(String event) {
        diary.println("{\"at\": " + System.nanoTime() / 1e9 + ", " + event + "}");
        diary.flush();
    }

    private static String listed(Collection<TopicPartition> partitions) {
        StringJoiner joiner = new StringJoiner(", ", "[", "]");
        partitions.forEach(p -> joiner.add(Integer.toString(p.partition())));
        return joiner.toString();
    }

    public static void main(String[] args) throws Exception {
        diary = new PrintStream(new FileOutputStream(args[3], true), false, StandardCharsets.UTF_8);
        Properties config = new Properties();
        config.put("bootstrap.servers", args[0]);
        config.put("group.id", args[1]);
        config.put("enable.auto.commit", "false");
        config.put("auto.offset.reset", "earliest");
        config.put("max.poll.records", "200");
        config.put("group.protocol", args[4]);
        if (args[4].equals("classic")) {
            config.put("session.timeout.ms", args[5]);
            config.put("heartbeat.interval.ms", Integer.toString(Integer.parseInt(args[5]) / 5));
        }
        config.put("key.deserializer", StringDeserializer.class.getName());
        config.put("value.deserializer", StringDeserializer.class.getName());
        KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config);
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopping = true;
            try {
                main.join(20_000);
            } catch (InterruptedException ignored) {
                Thread.currentThread().interrupt();
            }
        }));
        consumer.subscribe(List.of(args[2]), new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                write("\"assigned\": " + listed(partitions));
            }

            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                write("\"revoked\": " + listed(partitions));
            }

            @Override
            public void onPartitionsLost(Collection<TopicPartition> partitions) {
                write("\"revoked\": " + listed(partitions));
            }
        });
        while (!stopping) {
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
            if (records.isEmpty()) {
                continue;
            }
            StringJoiner got = new StringJoiner(", ", "[", "]");
            Map<TopicPartition, OffsetAndMetadata> ends = new HashMap<>();
            for (ConsumerRecord<String, String> record : records) {
                got.add("[" + record.partition() + ", " + record.offset() + ", \"" + record.value() + "\"]");
                ends.put(new TopicPartition(record.topic(), record.partition()),
                    new OffsetAndMetadata(record.offset() + 1));
            }
            write("\"got\": " + got);
            try {
                consumer.commitSync(ends);
                StringJoiner committed = new StringJoiner(", ", "{", "}");
                ends.forEach((p, end) -> committed.add("\"" + p.partition() + "\": " + end.offset()));
                write("\"committed\": " + committed);
            } catch (WakeupException stop) {
                break;
            } catch (RuntimeException fault) {
                write("\"refused\": \"" + fault.getClass().getSimpleName() + "\"");
            }
        }
        consumer.close();
        write("\"closed\": true");
    }
}
