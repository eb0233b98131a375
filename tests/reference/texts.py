"""The texts that reference vectors are computed for: many scripts, many lengths, some awkward.

All of it was written for these tests.
"""

# One short story in many languages and scripts, a sentence an entry.
STORY = {
    "en": [
        "The bakery on the corner opens at five in the morning.",
        "Before sunrise the whole street smells of warm bread.",
        "An old man buys two rolls and a newspaper every day.",
        "When the river froze, children walked across it to school.",
        "How many loaves can one oven bake in an hour?",
        "Yes.",
        "The mill that ground the flour was moved by water until 1931, and then by electricity.",
    ],
    "de": [
        "Die Bäckerei an der Ecke öffnet um fünf Uhr morgens.",
        "Vor Sonnenaufgang riecht die ganze Straße nach warmem Brot.",
        "Ein alter Mann kauft jeden Tag zwei Brötchen und eine Zeitung.",
        "Als der Fluss zufror, gingen die Kinder darüber zur Schule.",
        "Wie viele Laibe backt ein Ofen in einer Stunde?",
        "Ja.",
        "Donaudampfschifffahrtsgesellschaftskapitän ist ein langes Wort.",
    ],
    "fr": [
        "La boulangerie du coin ouvre à cinq heures du matin.",
        "Avant l'aube, toute la rue sent le pain chaud.",
        "Un vieil homme achète chaque jour deux petits pains et un journal.",
        "Quand la rivière a gelé, les enfants l'ont traversée pour aller à l'école.",
        "Combien de pains un four peut-il cuire en une heure ?",
        "Oui.",
    ],
    "es": [
        "La panadería de la esquina abre a las cinco de la mañana.",
        "Antes del amanecer toda la calle huele a pan caliente.",
        "Un anciano compra cada día dos panecillos y un periódico.",
        "Cuando el río se heló, los niños lo cruzaban para ir a la escuela.",
        "¿Cuántos panes puede hornear un horno en una hora?",
        "Sí.",
    ],
    "tr": [
        "Köşedeki fırın sabah saat beşte açılır.",
        "Gün doğmadan bütün sokak sıcak ekmek kokar.",
        "Yaşlı bir adam her gün iki çörek ve bir gazete alır.",
        "Irmak donunca çocuklar okula üzerinden yürüyerek gitti.",
        "Bir fırın bir saatte kaç ekmek pişirebilir?",
        "İSTANBUL'DA KIŞ, ılık geçti.",
    ],
    "vi": [
        "Tiệm bánh ở góc phố mở cửa lúc năm giờ sáng.",
        "Trước khi mặt trời mọc, cả con phố thơm mùi bánh mì nóng.",
        "Mỗi ngày một ông cụ mua hai ổ bánh và một tờ báo.",
        "Khi dòng sông đóng băng, trẻ em đi bộ qua sông đến trường.",
        "Một lò có thể nướng bao nhiêu ổ bánh trong một giờ?",
        "Vâng.",
    ],
    "el": [
        "Ο φούρνος στη γωνία ανοίγει στις πέντε το πρωί.",
        "Πριν την ανατολή όλος ο δρόμος μυρίζει ζεστό ψωμί.",
        "Ένας γέρος αγοράζει κάθε μέρα δύο ψωμάκια και μια εφημερίδα.",
        "Όταν πάγωσε το ποτάμι, τα παιδιά το περνούσαν με τα πόδια για το σχολείο.",
        "Πόσα καρβέλια ψήνει ένας φούρνος σε μία ώρα;",
        "ΟΔΟΣ ΑΘΗΝΑΣ, ναι.",
    ],
    "ru": [
        "Пекарня на углу открывается в пять часов утра.",
        "До восхода солнца вся улица пахнет тёплым хлебом.",
        "Старик каждый день покупает две булочки и газету.",
        "Когда река замёрзла, дети ходили по ней в школу.",
        "Сколько буханок может испечь одна печь за час?",
        "Да, всё ещё.",
    ],
    "uk": [
        "Пекарня на розі відчиняється о п'ятій ранку.",
        "До сходу сонця вся вулиця пахне теплим хлібом.",
        "Коли річка замерзла, діти йшли нею до школи.",
        "Їжак з'їв ґудзик.",
    ],
    "ar": [
        "يفتح المخبز في الزاوية أبوابه في الخامسة صباحًا.",
        "قبل شروق الشمس تفوح رائحة الخبز الساخن في الشارع كله.",
        "يشتري رجل عجوز كل يوم رغيفين وجريدة.",
        "عندما تجمّد النهر سار الأطفال فوقه إلى المدرسة.",
        "كم رغيفًا يخبز الفرن في الساعة؟",
        "نَعَمْ",
    ],
    "fa": [
        "نانوایی سر کوچه ساعت پنج صبح باز می‌شود.",
        "پیش از طلوع آفتاب همهٔ خیابان بوی نان گرم می‌دهد.",
        "پیرمردی هر روز دو نان و یک روزنامه می‌خرد.",
        "رودخانه که یخ زد، بچه‌ها از روی آن به مدرسه می‌رفتند.",
    ],
    "he": [
        "המאפייה בפינה נפתחת בחמש בבוקר.",
        "לפני הזריחה כל הרחוב מריח מלחם חם.",
        "איש זקן קונה כל יום שתי לחמניות ועיתון.",
        "כשהנהר קפא הלכו הילדים עליו לבית הספר.",
        "כַּמָּה כִּכָּרוֹת אוֹפֶה תַּנּוּר בְּשָׁעָה?",
    ],
    "hi": [
        "नुक्कड़ की बेकरी सुबह पाँच बजे खुलती है।",
        "सूरज निकलने से पहले पूरी गली गरम रोटी से महकती है।",
        "एक बूढ़ा आदमी हर दिन दो पाव और एक अख़बार ख़रीदता है।",
        "जब नदी जम गई तो बच्चे उस पर चलकर स्कूल जाते थे।",
        "एक भट्ठी एक घंटे में कितनी रोटियाँ सेंक सकती है?",
        "हाँ",
    ],
    "bn": [
        "মোড়ের রুটির দোকান ভোর পাঁচটায় খোলে।",
        "সূর্য ওঠার আগে সারা রাস্তায় গরম রুটির গন্ধ।",
        "একজন বৃদ্ধ প্রতিদিন দুটি রুটি আর একটি খবরের কাগজ কেনেন।",
        "নদী জমে গেলে বাচ্চারা তার উপর দিয়ে স্কুলে যেত।",
    ],
    "ta": [
        "மூலையில் உள்ள ரொட்டிக் கடை காலை ஐந்து மணிக்குத் திறக்கிறது.",
        "சூரியன் எழுமுன் தெரு முழுவதும் சூடான ரொட்டி மணம் வீசுகிறது.",
        "ஒரு முதியவர் தினமும் இரண்டு ரொட்டியும் ஒரு செய்தித்தாளும் வாங்குகிறார்.",
        "ஆறு உறைந்தபோது குழந்தைகள் அதன் மேல் நடந்து பள்ளிக்குச் சென்றனர்.",
    ],
    "te": [
        "మూలన ఉన్న బేకరీ ఉదయం ఐదు గంటలకు తెరుస్తారు.",
        "సూర్యోదయానికి ముందే వీధంతా వేడి రొట్టె వాసన వస్తుంది.",
        "ఒక ముసలాయన రోజూ రెండు రొట్టెలు, ఒక వార్తాపత్రిక కొంటాడు.",
    ],
    "th": [
        "ร้านขนมปังหัวมุมถนนเปิดตอนตีห้า",
        "ก่อนพระอาทิตย์ขึ้น ทั้งถนนมีกลิ่นขนมปังอุ่นๆ",
        "ชายชราคนหนึ่งซื้อขนมปังสองก้อนกับหนังสือพิมพ์หนึ่งฉบับทุกวัน",
        "เมื่อแม่น้ำกลายเป็นน้ำแข็ง เด็กๆ เดินข้ามไปโรงเรียน",
        "เตาหนึ่งอบขนมปังได้กี่ก้อนในหนึ่งชั่วโมง",
        "ใช่",
    ],
    "km": [
        "ហាងនំបុ័ងនៅកាច់ជ្រុងបើកនៅម៉ោងប្រាំព្រឹក។",
        "មុនថ្ងៃរះ ផ្លូវទាំងមូលមានក្លិននំបុ័ងក្ដៅ។",
        "បុរសចំណាស់ម្នាក់ទិញនំពីរនិងកាសែតមួយរាល់ថ្ងៃ។",
    ],
    "my": [
        "ထောင့်က မုန့်ဆိုင်က မနက်ငါးနာရီမှာ ဖွင့်တယ်။",
        "နေမထွက်ခင် တစ်လမ်းလုံး ပေါင်မုန့်ပူပူ အနံ့မွှေးတယ်။",
    ],
    "zh": [
        "街角的面包店早上五点开门。",
        "日出之前,整条街都飘着热面包的香味。",
        "一位老人每天买两个小面包和一份报纸。",
        "河水结冰的时候,孩子们从冰上走去上学。",
        "一个炉子一小时能烤多少个面包?",
        "是",
    ],
    "ja": [
        "角のパン屋は朝五時に開きます。",
        "日の出前、通り全体に温かいパンの香りが漂う。",
        "老人が毎日ロールパン二つと新聞を買う。",
        "川が凍ると、子どもたちはその上を歩いて学校へ行った。",
        "ひとつのオーブンは一時間に何個のパンを焼けますか?",
        "カタカナのガギグゲゴ",
    ],
    "ko": [
        "모퉁이 빵집은 새벽 다섯 시에 문을 연다.",
        "해가 뜨기 전 온 거리에 따뜻한 빵 냄새가 난다.",
        "한 노인이 날마다 빵 두 개와 신문 한 부를 산다.",
        "강이 얼면 아이들은 그 위를 걸어 학교에 갔다.",
        "오븐 하나로 한 시간에 빵을 몇 개나 구울 수 있나요?",
        "네",
    ],
    "ka": [
        "კუთხის საცხობი დილის ხუთ საათზე იღება.",
        "მზის ამოსვლამდე მთელ ქუჩას თბილი პურის სუნი ასდის.",
        "მოხუცი ყოველდღე ორ ფუნთუშასა და გაზეთს ყიდულობს.",
    ],
    "hy": [
        "Անկյունի հացատունը բացվում է առավոտյան ժամը հինգին։",
        "Արևածագից առաջ ամբողջ փողոցից տաք հացի հոտ է գալիս։",
        "Մի ծերունի ամեն օր երկու բուլկի ու մի թերթ է գնում։",
    ],
    "am": [
        "በማዕዘኑ ያለው ዳቦ ቤት ከጠዋቱ አስራ አንድ ሰዓት ይከፈታል።",
        "ፀሐይ ከመውጣቷ በፊት መንገዱ በሙሉ ትኩስ ዳቦ ይሸታል።",
    ],
    "pl": [
        "Piekarnia na rogu otwiera się o piątej rano.",
        "Zażółć gęślą jaźń, powiedział stary człowiek.",
    ],
    "sw": [
        "Duka la mikate lililo pembeni hufunguliwa saa kumi na moja asubuhi.",
        "Kabla ya jua kuchomoza mtaa wote hunukia mkate wa moto.",
    ],
    "pa": ["ਨੁੱਕਰ ਵਾਲੀ ਬੇਕਰੀ ਸਵੇਰੇ ਪੰਜ ਵਜੇ ਖੁੱਲ੍ਹਦੀ ਹੈ।"],
    "si": ["හන්දියේ බේකරිය උදේ පහට විවෘත වේ."],
    "bo": ["ཟུར་གྱི་བག་ལེབ་ཚོང་ཁང་ཞོགས་པའི་ཆུ་ཚོད་ལྔ་པར་སྒོ་འབྱེད།"],
}

# What tokenizers, padding and truncation stumble over.
AWKWARD = [
    "a",
    "Z",
    "7",
    "?",
    "ß",
    "字",
    "ก",
    " ",
    "     ",
    "\t\t\n",
    "\u00a0\u2003\u3000",
    "\u200b",
    "two\nlines\nand a third",
    "tabs\tbetween\twords",
    "  spaces   before,  between and after   ",
    "windows\r\nline\r\nends",
    "🙂",
    "👩‍👩‍👧‍👦 family and flags 🇬🇷🇹🇭 and skin 👋🏽",
    "bread 🍞, honey 🍯, and a ❤️ at the end",
    "e\u0301 is not é, or is it? o\u0308 ö",
    "Z\u0351\u036b\u0343a\u0360l\u0322g\u0334o\u0331 text",
    "\u200fשלום\u200e hello \u202bمرحبا\u202c end",
    "\ufeffbyte order mark in front",
    "soft\u00adhyphen and zero\u200dwidth\u200cjoiners",
    "fullwidth \uff21\uff22\uff23 \uff11\uff12\uff13 and halfwidth \uff76\uff85",
    "ligatures: \ufb01 \ufb02 \ufb05 \u338f \u00bd \u00b2 \u2122 \u2163",
    "1234567890",
    "3.14159, 1,000,000.50 € and −40 °C",
    "٠١٢٣٤٥٦٧٨٩ ०१२३४५६७८९ 零一二三",
    "https://example.org/a/very/long/path?with=many&parameters=%20escaped#fragment",
    "someone@example.org wrote on 2026-11-20T12:30:00Z",
    "C:\\Users\\name\\Documents\\file.txt and /usr/share/doc",
    "fn main() { println!(\"{}\", 1 << 3); } // code",
    "<p class=\"x\">markup &amp; entities</p>",
    "[CLS] special [SEP] names [MASK] in [PAD] text [UNK]",
    # Without <pad>: XLM-R gives a pad token inside a text no position of its own, this encoder does.
    "<s> special </s> names <mask> in text <unk>",
    "!!!???...,,,;;;:::---___***",
    "$€£¥₹₽ §¶†‡ ©®",
    "∀x ∈ ℝ: ∃y ≥ x² ⇒ √y ≠ −1",
    "ALL CAPITALS ARE SHOUTING",
    "mIxEd CaSe WoRdS",
    "x" * 150,
    "honig" * 60,
    "๏" * 40,
    "中" * 300,
    "word " * 400,
    "one two three, Русский, ελληνικά, עברית, हिन्दी, ไทย, 中文, 한국어: all in one line",
    "\u01c4 \u01c5 \u01c6 \u01f5 \u0130 \u0131 \u0149 \u0390 \ufb03",
    "a\u0000b",
    "\U0001d4d7\U0001d4ee\U0001d4f5\U0001d4f5\U0001d4f8 styled letters",
]


def texts():
    """All texts, in a fixed order; one in English is longer than any window."""
    out = []
    for sentences in STORY.values():
        out += sentences
        # Two, three … sentences together: lengths between one sentence and a page.
        out += [" ".join(sentences[:n]) for n in range(2, len(sentences), 2)]
    everything = " ".join(s for sentences in STORY.values() for s in sentences)
    english = " ".join(STORY["en"])
    out += [english * 2, english * 3, english * 12, everything[:900], everything]
    out += AWKWARD
    return out


if __name__ == "__main__":
    print(len(texts()), "texts in", len(STORY), "languages")
