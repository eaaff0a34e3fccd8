import java.io.FileReader;
import java.util.Properties;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Lists the topics that Kafka's client inside Flink's connector may see, by the options in a properties file. */
public class FlinkClient {
    public static void main(String[] arguments) throws Exception {
        Properties options = new Properties();
        options.load(new FileReader(arguments[0]));
        options.put("default.api.timeout.ms", "20000");
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(options, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.listTopics().keySet().stream().sorted().forEach(System.out::println);
        }
    }
}
