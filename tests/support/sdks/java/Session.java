// Sends a session with Segment's library for Java: Session HOST KEY FILE.
//
// FILE is a JSON list of calls. Ends when everything was sent.

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.reflect.TypeToken;
import com.segment.analytics.Analytics;
import com.segment.analytics.Callback;
import com.segment.analytics.messages.AliasMessage;
import com.segment.analytics.messages.GroupMessage;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.Message;
import com.segment.analytics.messages.MessageBuilder;
import com.segment.analytics.messages.PageMessage;
import com.segment.analytics.messages.ScreenMessage;
import com.segment.analytics.messages.TrackMessage;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

public class Session {
  private static final Gson GSON = new Gson();

  private static Map<String, Object> map(JsonObject call, String name) {
    return GSON.fromJson(call.get(name), new TypeToken<Map<String, Object>>() {}.getType());
  }

  private static String text(JsonObject call, String name) {
    return call.get(name).getAsString();
  }

  private static MessageBuilder builderOf(JsonObject call) {
    switch (text(call, "type")) {
      case "identify":
        return IdentifyMessage.builder().traits(map(call, "traits"));
      case "track":
        return TrackMessage.builder(text(call, "event")).properties(map(call, "properties"));
      case "page":
        return PageMessage.builder(text(call, "name")).properties(map(call, "properties"));
      case "screen":
        return ScreenMessage.builder(text(call, "name")).properties(map(call, "properties"));
      case "group":
        return GroupMessage.builder(text(call, "groupId")).traits(map(call, "traits"));
      default:
        return AliasMessage.builder(text(call, "previousId"));
    }
  }

  public static void main(String[] arguments) throws Exception {
    String json = new String(Files.readAllBytes(Paths.get(arguments[2])), "UTF-8");
    List<JsonObject> calls =
        GSON.fromJson(json, new TypeToken<List<JsonObject>>() {}.getType());
    CountDownLatch open = new CountDownLatch(calls.size());
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Callback callback = new Callback() {
      @Override
      public void success(Message message) {
        open.countDown();
      }

      @Override
      public void failure(Message message, Throwable throwable) {
        failure.set(throwable);
        open.countDown();
      }
    };
    Analytics analytics = Analytics.builder(arguments[1])
        .endpoint(arguments[0])
        .flushQueueSize(10)
        .flushInterval(1, TimeUnit.SECONDS)
        .callback(callback)
        .build();
    for (JsonObject call : calls) {
      MessageBuilder builder = builderOf(call);
      builder.userId(text(call, "userId"));
      if (call.has("timestamp")) {
        builder.timestamp(Date.from(Instant.parse(text(call, "timestamp"))));
      }
      analytics.enqueue(builder);
    }
    analytics.flush();
    boolean all = open.await(60, TimeUnit.SECONDS);
    analytics.shutdown();
    if (failure.get() != null) failure.get().printStackTrace();
    System.exit(all && failure.get() == null ? 0 : 1);
  }
}
