# Papers that public data sets of R would have printed, as study cards: numbers by R alone.
#
#     cd tests/reference/public_data && Rscript cards.R     (R 4.2, MASS, survival, pROC, lme4)

suppressMessages({library(MASS); library(survival); library(pROC); library(lme4)})
f <- function(x, d) formatC(round(x + sign(x) * 1e-9, d), format = "f", digits = d)
p <- function(x) if (x < .001) "<0.001" else f(x, 3)
out <- NULL
say <- function(...) out <<- c(out, paste0(...))
head_ <- function(study, name, summary, units) {
  out <<- NULL
  say("format: recohort-card-1"); say("study: ", study); say("name: ", name)
  say("citation: {authors: R, title: ", name, ", journal: Data sets of R, year: 2000}")
  say("summary: ", summary); say("units:"); for (u in units) say("  ", u); say("columns:")
}
q <- function(name, pop, analysis, ...) {
  v <- c(...)
  say("  ", name, ": {label: ", name, ", population: ", pop, ", analysis: {", analysis, "}, values: {",
      paste(names(v), v, sep = ": ", collapse = ", "), "}}")
}
share <- function(name, x, pop, tag = pop, col = name)
  q(paste0(name, "_", tag), pop, paste0("kind: proportion, having: [{column: ", col, ", equals: 1}]"),
    count = sum(x), percent = f(100 * mean(x), 1))
msd <- function(name, x, pop, d = 1)
  q(paste0(name, "_", pop), pop, paste0("kind: summary, column: ", name), mean = f(mean(x), d), sd = f(sd(x), d))
miq <- function(name, x, pop, d)
  q(paste0(name, "_", pop), pop, paste0("kind: summary, column: ", name), median = f(median(x), d),
    q1 = f(quantile(x, .25, names = FALSE), d), q3 = f(quantile(x, .75, names = FALSE), d))
size <- function(name, n) q(name, name, "kind: size", count = n)
test <- function(name, group, kind, value, pop = "everyone", level = 1)
  q(paste0(name, "_by_", group), pop, paste0("kind: two_sample_test, column: ", name, ", group: [{column: ", group,
    ", equals: ", level, "}], test: ", kind), p_value = p(value))
terms <- function(model, fit, d = 2, stat = "adjusted_odds_ratio") {
  s <- coef(summary(fit)); s <- s[rownames(s) != "(Intercept)", , drop = FALSE]
  for (t in rownames(s)) {
    b <- s[t, 1]; e <- s[t, 2]
    v <- c(f(exp(b), d), f(exp(b - qnorm(.975) * e), d), f(exp(b + qnorm(.975) * e), d), p(s[t, 4]))
    names(v) <- c(stat, "ci95_lower", "ci95_upper", "p_value")
    q(paste0(t, "_in_", model), "everyone", paste0("kind: model_term, model: ", model, ", term: ", t), v)
  }
}
save_ <- function(study) writeLines(out, paste0(study, ".yaml"))

## Risk of low birth weight (MASS::birthwt)
b <- birthwt; b$black <- as.numeric(b$race == 2); b$other <- as.numeric(b$race == 3); b$preterm <- as.numeric(b$ptl > 0)
b$visit <- as.numeric(b$ftv > 0)
head_("birthwt", "Low birth weight", "Births, some of low weight.", "mothers: {label: Mothers, n: 189}")
say("  low: {kind: binary, unit: mothers}")
say("  age: {kind: numeric, unit: mothers, step: 1, low: 14, high: 45, measured_in: years, plausible: {mean: 23, sd: 5}}")
say("  lwt: {kind: numeric, unit: mothers, step: 1, low: 80, high: 250, measured_in: lb, plausible: {family: lognormal, mean: 130, sd: 30}}")
say("  bwt: {kind: numeric, unit: mothers, step: 1, low: 500, high: 5500, measured_in: g, plausible: {mean: 2950, sd: 730}, limits: [{when: [{column: low, equals: 1}], high: 2499}, {when: [{column: low, equals: 0}], low: 2500}]}")
for (k in c("smoke", "black", "preterm", "ht", "ui", "visit")) say("  ", k, ": {kind: binary, unit: mothers}")
say("  other: {kind: binary, unit: mothers, among: [{column: black, equals: 0}]}")
say("populations:")
say("  everyone: {unit: mothers, label: all}")
say("  low_1: {unit: mothers, label: low birth weight, where: [{column: low, equals: 1}]}")
say("  low_0: {unit: mothers, label: normal birth weight, where: [{column: low, equals: 0}]}")
full <- glm(low ~ age + lwt + black + other + smoke + preterm + ht + ui, binomial, b)
say("models:"); say("  full:"); say("    kind: logistic"); say("    population: everyone"); say("    outcome: [{column: low, equals: 1}]")
say("    terms: {", paste0(names(coef(full))[-1], ": {column: ", names(coef(full))[-1], "}", collapse = ", "), "}")
for (t in c("age", "lwt", "smoke", "preterm", "ht", "ui"))
  say("  only_", t, ": {kind: logistic, population: everyone, outcome: [{column: low, equals: 1}], terms: {", t, ": {column: ", t, "}}}")
say("quantities:")
size("everyone", 189); size("low_1", sum(b$low)); size("low_0", sum(1 - b$low))
for (k in c("smoke", "black", "other", "preterm", "ht", "ui", "visit")) {
  share(k, b[[k]], "everyone"); share(k, b[b$low == 1, k], "low_1"); share(k, b[b$low == 0, k], "low_0")
  test(k, "low", "fisher", fisher.test(table(b[[k]], b$low))$p.value)
}
for (k in c("age", "lwt")) { msd(k, b[b$low == 1, k], "low_1"); msd(k, b[b$low == 0, k], "low_0")
  test(k, "low", "student_t", t.test(b[[k]] ~ b$low, var.equal = TRUE)$p.value) }
msd("bwt", b$bwt, "everyone", 0); miq("bwt", b$bwt[b$smoke == 1], "everyone", 0) -> z; out <- head(out, -1)
terms("full", full)
for (t in c("age", "lwt", "smoke", "preterm", "ht", "ui"))
  terms(paste0("only_", t), glm(reformulate(t, "low"), binomial, b), stat = "odds_ratio")
a <- ci.auc(roc(b$low, fitted(full), quiet = TRUE))
q("full_auc", "everyone", "kind: auc, model: full", auc = f(a[2], 2), ci95_lower = f(a[1], 2), ci95_upper = f(a[3], 2))
save_("birthwt")

## Diabetes (MASS::Pima.tr and Pima.te together)
d <- rbind(Pima.tr, Pima.te); d$diabetes <- as.numeric(d$type == "Yes"); d$train <- rep(1:0, c(200, 332))
head_("pima", "Diabetes among Pima women", "Seven measurements and diabetes.", "women: {label: Women, n: 532}")
say("  diabetes: {kind: binary, unit: women}"); say("  train: {kind: binary, unit: women}")
spec <- list(npreg = c("1", "0", "17", "lognormal, mean: 3.5, sd: 3.3"), glu = c("1", "50", "200", "normal, mean: 121, sd: 31"),
  bp = c("1", "20", "115", "normal, mean: 71, sd: 12"), skin = c("1", "5", "100", "normal, mean: 29, sd: 10"),
  bmi = c("0.1", "15", "70", "normal, mean: 33, sd: 7"), ped = c("0.001", "0.08", "2.5", "lognormal, mean: 0.5, sd: 0.34"),
  age = c("1", "21", "85", "lognormal, mean: 31, sd: 11"))
for (k in names(spec)) say("  ", k, ": {kind: numeric, unit: women, step: ", spec[[k]][1], ", low: ", spec[[k]][2], ", high: ", spec[[k]][3],
  ", plausible: {family: ", spec[[k]][4], "}}")
say("populations:"); say("  everyone: {unit: women, label: all}")
for (v in 1:0) say("  diabetes_", v, ": {unit: women, label: diabetes ", v, ", where: [{column: diabetes, equals: ", v, "}]}")
for (v in 1:0) say("  train_", v, ": {unit: women, label: training ", v, ", where: [{column: train, equals: ", v, "}]}")
tr <- glm(diabetes ~ npreg + glu + bp + skin + bmi + ped + age, binomial, d[d$train == 1, ])
say("models:"); say("  full: {kind: logistic, population: train_1, outcome: [{column: diabetes, equals: 1}], terms: {",
  paste0(names(spec), ": {column: ", names(spec), "}", collapse = ", "), "}}")
say("quantities:")
size("everyone", 532); size("diabetes_1", sum(d$diabetes)); size("diabetes_0", sum(1 - d$diabetes)); size("train_1", 200); size("train_0", 332)
for (v in 1:0) share("diabetes", d$diabetes[d$train == v], paste0("train_", v))
for (k in names(spec)) { dd <- c(0, 0, 0, 0, 1, 3, 0)[match(k, names(spec))]
  for (v in 1:0) miq(k, d[d$diabetes == v, k], paste0("diabetes_", v), dd)
  test(k, "diabetes", "mann_whitney", wilcox.test(d[[k]] ~ d$diabetes, exact = FALSE)$p.value) }
terms("full", tr)
for (v in 1:0) { s <- d[d$train == v, ]; a <- ci.auc(roc(s$diabetes, predict(tr, s), quiet = TRUE))
  q(paste0("auc_train_", v), paste0("train_", v), "kind: auc, model: full", auc = f(a[2], 2), ci95_lower = f(a[1], 2), ci95_upper = f(a[3], 2)) }
save_("pima")

## Advanced lung cancer (survival::lung)
l <- lung; l$dead <- l$status - 1; l$female <- l$sex - 1
head_("lung", "Survival in advanced lung cancer", "Deaths by sex.", "patients: {label: Patients, n: 228}")
say("  dead: {kind: binary, unit: patients}"); say("  female: {kind: binary, unit: patients}")
say("  age: {kind: numeric, unit: patients, step: 1, low: 35, high: 85, plausible: {mean: 62, sd: 9}}")
say("  days: {kind: numeric, unit: patients, step: 1, low: 1, high: 1100, plausible: {family: lognormal, mean: 305, sd: 210}}")
say("populations:"); say("  everyone: {unit: patients, label: all}")
for (v in 1:0) say("  female_", v, ": {unit: patients, label: female ", v, ", where: [{column: female, equals: ", v, "}]}")
m <- coxph(Surv(time, dead) ~ female + age, l)
say("models:")
say("  hazard: {kind: cox, population: everyone, outcome: [{column: dead, equals: 1}], time: days, terms: {female: {column: female}, age: {column: age, coding: {kind: linear, per: 10}}}}")
say("quantities:")
size("everyone", 228); for (v in 1:0) { size(paste0("female_", v), sum(l$female == v)); share("dead", l$dead[l$female == v], paste0("female_", v)) }
msd("age", l$age, "everyone"); q("age_range", "everyone", "kind: summary, column: age", min = min(l$age), max = max(l$age))
for (pop in c("everyone", "female_1", "female_0")) { s <- if (pop == "everyone") l else l[l$female == as.numeric(sub("female_", "", pop)), ]
  for (t in c(182, 365, 730)) { k <- summary(survfit(Surv(time, dead) ~ 1, s, conf.type = "log-log"), times = t)
    q(paste0("alive_", t, "_", pop), pop, paste0("kind: kaplan_meier, time: days, event: [{column: dead, equals: 1}], at: ", t),
      percent = f(100 * k$surv, 1), ci95_lower = f(100 * k$lower, 1), ci95_upper = f(100 * k$upper, 1)) } }
r <- quantile(survfit(Surv(time, 1 - dead) ~ 1, l), .5, conf.int = FALSE)
q("follow_up", "everyone", "kind: reverse_kaplan_meier, time: days, event: [{column: dead, equals: 1}]", median = unname(r))
s <- summary(coxph(Surv(time, dead) ~ female + I(age / 10), l))
for (i in 1:2) q(paste0(c("female", "age")[i], "_hazard"), "everyone", paste0("kind: model_term, model: hazard, term: ", c("female", "age")[i]),
  hazard_ratio = f(s$conf.int[i, 1], 2), ci95_lower = f(s$conf.int[i, 3], 2), ci95_upper = f(s$conf.int[i, 4], 2), p_value = p(s$coefficients[i, 5]))
save_("lung")

## Aneurysmal subarachnoid haemorrhage (pROC::aSAH)
data(aSAH); h <- aSAH; h$poor <- as.numeric(h$outcome == "Poor"); h$female <- as.numeric(h$gender == "Female"); h$w <- as.numeric(as.character(h$wfns))
head_("asah", "Markers after subarachnoid haemorrhage", "Three markers of a poor outcome.", "patients: {label: Patients, n: 113}")
say("  poor: {kind: binary, unit: patients}"); say("  female: {kind: binary, unit: patients}")
say("  age: {kind: numeric, unit: patients, step: 1, low: 18, high: 90, plausible: {mean: 51, sd: 13}}")
say("  s100b: {kind: numeric, unit: patients, step: 0.01, low: 0.01, high: 3, plausible: {family: lognormal, mean: 0.25, sd: 0.27}}")
say("  ndka: {kind: numeric, unit: patients, step: 0.01, low: 1, high: 500, plausible: {family: lognormal, mean: 19, sd: 30}}")
say("  wfns: {kind: numeric, unit: patients, step: 1, low: 1, high: 5, plausible: {mean: 2.6, sd: 1.6}}")
say("populations:"); say("  everyone: {unit: patients, label: all}")
for (v in 1:0) say("  poor_", v, ": {unit: patients, label: poor ", v, ", where: [{column: poor, equals: ", v, "}]}")
say("quantities:"); size("everyone", 113); for (v in 1:0) size(paste0("poor_", v), sum(h$poor == v))
for (v in 1:0) share("female", h$female[h$poor == v], paste0("poor_", v))
test("female", "poor", "chi_square", chisq.test(table(h$female, h$poor), correct = FALSE)$p.value)
q("age_everyone", "everyone", "kind: summary, column: age", mean = f(mean(h$age), 1), sd = f(sd(h$age), 1), min = min(h$age), max = max(h$age))
for (k in c("s100b", "ndka")) for (v in 1:0) miq(k, h[h$poor == v, k], paste0("poor_", v), 2)
for (v in 1:0) miq("wfns", h$w[h$poor == v], paste0("poor_", v), 0)
rocs <- list(s100b = roc(h$poor, h$s100b, quiet = TRUE, direction = "<"), ndka = roc(h$poor, h$ndka, quiet = TRUE, direction = "<"), wfns = roc(h$poor, h$w, quiet = TRUE, direction = "<"))
for (k in names(rocs)) { a <- ci.auc(rocs[[k]]); q(paste0(k, "_auc"), "everyone", paste0("kind: auc, column: ", k, ", outcome: [{column: poor, equals: 1}]"),
  auc = f(a[2], 3), ci95_lower = f(a[1], 3), ci95_upper = f(a[3], 3)) }
t <- roc.test(rocs$wfns, rocs$ndka)
q("wfns_ndka", "everyone", "kind: auc_difference, column: wfns, other: ndka, outcome: [{column: poor, equals: 1}]", p_value = p(t$p.value))
for (cut in c("0.20")) { x <- h$s100b >= as.numeric(cut); for (mm in c("sensitivity", "specificity")) { ok <- if (mm == "sensitivity") x[h$poor == 1] else !x[h$poor == 0]
  ci <- binom.test(sum(ok), length(ok))$conf.int
  q(paste0("s100b_", mm), "everyone", paste0("kind: diagnostic, measure: ", mm, ", test: [{column: s100b, at_least: ", cut, "}], reference: [{column: poor, equals: 1}], interval: clopper_pearson"),
    count = sum(ok), percent = f(100 * mean(ok), 0), ci95_lower = f(100 * ci[1], 0), ci95_upper = f(100 * ci[2], 0)) } }
save_("asah")

## Primary biliary cirrhosis trial (survival::pbc)
c_ <- pbc[!is.na(pbc$trt), ]; c_$arm <- as.numeric(c_$trt == 1); c_$dead <- as.numeric(c_$status == 2); c_$female <- as.numeric(c_$sex == "f"); c_$years <- round(c_$time / 365.25, 2)
head_("pbc", "Penicillamine in primary biliary cirrhosis", "A two-arm trial with survival.", "patients: {label: Patients, n: 312}")
for (k in c("arm", "dead", "female", "ascites", "hepato")) say("  ", k, ": {kind: binary, unit: patients}")
say("  age: {kind: numeric, unit: patients, step: 0.1, low: 20, high: 85, plausible: {mean: 50, sd: 10.5}}")
say("  bili: {kind: numeric, unit: patients, step: 0.1, low: 0.1, high: 40, plausible: {family: lognormal, mean: 3.2, sd: 4.5}}")
say("  albumin: {kind: numeric, unit: patients, step: 0.01, low: 1.5, high: 5, plausible: {mean: 3.5, sd: 0.42}}")
say("  protime: {kind: numeric, unit: patients, step: 0.1, low: 8, high: 20, plausible: {mean: 10.7, sd: 1}}")
say("  years: {kind: numeric, unit: patients, step: 0.01, low: 0.05, high: 14, plausible: {family: uniform, mean: 5.5, sd: 3}}")
say("populations:"); say("  everyone: {unit: patients, label: all}")
for (v in 1:0) say("  arm_", v, ": {unit: patients, label: arm ", v, ", where: [{column: arm, equals: ", v, "}]}")
say("models:")
say("  hazard: {kind: cox, population: everyone, outcome: [{column: dead, equals: 1}], time: years, terms: {arm: {column: arm}}}")
say("quantities:"); size("everyone", 312); for (v in 1:0) size(paste0("arm_", v), sum(c_$arm == v))
for (k in c("dead", "female", "ascites", "hepato")) { for (v in 1:0) share(k, c_[c_$arm == v, k], paste0("arm_", v))
  test(k, "arm", "chi_square", chisq.test(table(c_[[k]], c_$arm), correct = FALSE)$p.value) }
c_$age <- round(c_$age, 1)
for (v in 1:0) msd("age", c_$age[c_$arm == v], paste0("arm_", v)); test("age", "arm", "welch_t", t.test(age ~ arm, c_)$p.value)
for (v in 1:0) msd("albumin", c_$albumin[c_$arm == v], paste0("arm_", v), 2); test("albumin", "arm", "welch_t", t.test(albumin ~ arm, c_)$p.value)
for (k in c("bili", "protime")) { for (v in 1:0) miq(k, c_[c_$arm == v, k], paste0("arm_", v), 1); test(k, "arm", "mann_whitney", wilcox.test(c_[[k]] ~ c_$arm, exact = FALSE)$p.value) }
for (v in 1:0) { s <- c_[c_$arm == v, ]; for (t in c(2, 5, 8)) { k <- summary(survfit(Surv(years, dead) ~ 1, s, conf.type = "log-log"), times = t)
  q(paste0("alive_", t, "_arm_", v), paste0("arm_", v), paste0("kind: kaplan_meier, time: years, event: [{column: dead, equals: 1}], at: ", t),
   percent = f(100 * k$surv, 0), ci95_lower = f(100 * k$lower, 0), ci95_upper = f(100 * k$upper, 0)) } }
r <- quantile(survfit(Surv(years, 1 - dead) ~ 1, c_), .5, conf.int = FALSE)
q("follow_up", "everyone", "kind: reverse_kaplan_meier, time: years, event: [{column: dead, equals: 1}]", median = f(unname(r), 1))
s <- summary(coxph(Surv(years, dead) ~ arm, c_))
q("arm_hazard", "everyone", "kind: model_term, model: hazard, term: arm", hazard_ratio = f(s$conf.int[1, 1], 2), ci95_lower = f(s$conf.int[1, 3], 2), ci95_upper = f(s$conf.int[1, 4], 2), p_value = p(s$coefficients[1, 5]))
save_("pbc")

## Contagious bovine pleuropneumonia (lme4::cbpp), a row a cow
g <- cbpp; rows <- do.call(rbind, lapply(seq_len(nrow(g)), function(i) data.frame(herd = as.integer(g$herd[i]), period = as.integer(g$period[i]), sick = rep(1:0, c(g$incidence[i], g$size[i] - g$incidence[i])))))
m <- glmer(sick ~ I(period == 2) + I(period == 3) + I(period == 4) + (1 | herd), rows, binomial, nAGQ = 9)
head_("cbpp", "Contagious bovine pleuropneumonia", "New cases in herds over four periods.", paste0("cows: {label: Serum samples, n: ", nrow(rows), "}"))
say("  sick: {kind: binary, unit: cows}")
say("  herd: {kind: group, unit: cows, groups: 15}")
say("  second: {kind: binary, unit: cows}")
say("  third: {kind: binary, unit: cows, among: [{column: second, equals: 0}]}")
say("  fourth: {kind: binary, unit: cows, among: [{column: second, equals: 0}, {column: third, equals: 0}]}")
say("populations:"); say("  everyone: {unit: cows, label: all}")
for (k in c("second", "third", "fourth")) say("  in_", k, ": {unit: cows, label: ", k, ", where: [{column: ", k, ", equals: 1}]}")
say("models:"); say("  mixed: {kind: mixed_logistic, population: everyone, outcome: [{column: sick, equals: 1}], group: herd, terms: {second: {column: second}, third: {column: third}, fourth: {column: fourth}}}")
say("quantities:"); size("everyone", nrow(rows)); share("sick", rows$sick, "everyone")
for (i in 2:4) { k <- c("", "second", "third", "fourth")[i]; size(paste0("in_", k), sum(rows$period == i)); share("sick", rows$sick[rows$period == i], paste0("in_", k)) }
s <- coef(summary(m))[-1, ]; rownames(s) <- c("second", "third", "fourth")
for (t in rownames(s)) { b0 <- s[t, 1]; e <- s[t, 2]; q(paste0(t, "_in_mixed"), "everyone", paste0("kind: model_term, model: mixed, term: ", t),
  adjusted_odds_ratio = f(exp(b0), 2), ci95_lower = f(exp(b0 - qnorm(.975) * e), 2), ci95_upper = f(exp(b0 + qnorm(.975) * e), 2), p_value = p(s[t, 4])) }
save_("cbpp")
