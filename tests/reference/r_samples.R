# Answers of R to the samples of r_samples.json, for tests/estimators/test_r_samples.py:
#   Rscript tests/reference/r_samples.R
# R 4.2.2 with survival 3.5-3, pROC 1.18.0, coin 1.4-2, lmerTest 3.1-3, jsonlite.
suppressMessages({library(survival); library(pROC); library(coin); library(lmerTest); library(jsonlite)})
options(warn = -1, digits = 15)
here <- "tests/reference/"
samples <- fromJSON(paste0(here, "r_samples.json"), simplifyDataFrame = FALSE)
number <- function(x) as.numeric(unlist(x))
limits <- function(fit, p) number(quantile(fit, p))

survival_of <- function(d) {
  out <- list()
  for (scale in c("plain", "log", "log-log")) {
    f <- survfit(Surv(t, e) ~ 1, d, conf.type = scale)
    clustered <- survfit(Surv(t, e) ~ 1, d, conf.type = scale, cluster = c)
    known <- f$surv > 0 & f$surv < 1
    name <- chartr("-", "_", scale)
    out[[name]] <- list(low = f$lower[known], high = f$upper[known],
      clustered_low = clustered$lower[known], clustered_high = clustered$upper[known])
    if (scale == "log-log") {
      reverse <- survfit(Surv(t, 1 - e) ~ 1, d, conf.type = scale)
      out$median <- limits(f, .5); out$third <- limits(f, .75); out$follow_up <- limits(reverse, .5)
      out$survival <- f$surv; out$error <- (f$std.err * f$surv)[known]
    }
  }
  test <- survdiff(Surv(t, e) ~ x2, d)
  out$log_rank <- c(test$chisq, test$exp)
  for (ties in c("efron", "breslow")) {
    exact <- coxph.control(eps = 1e-13, iter.max = 60)
    m <- coxph(Surv(t, e) ~ x1 + x2, d, ties = ties, control = exact)
    r <- coxph(Surv(t, e) ~ x1 + x2, d, ties = ties, cluster = c, control = exact)
    out[[ties]] <- c(coef(m), sqrt(diag(vcov(m))), sqrt(diag(vcov(r))), m$loglik[2])
  }
  out
}

scores_of <- function(d) {
  y <- d$y; a <- d$a; b <- d$b; case <- a[y == 1]; control <- a[y == 0]; m <- matrix(d$table, 2)
  one <- roc(y, a, direction = "<", quiet = TRUE); two <- roc(y, b, direction = "<", quiet = TRUE)
  paired <- roc.test(one, two, method = "delong", paired = TRUE)
  value <- as.numeric(auc(one))
  width <- qnorm(.975) * sqrt(var(one)) / (value * (1 - value))
  line <- qlogis(d$p)
  shift <- glm(y ~ offset(line), family = binomial, epsilon = 1e-14)
  slope <- glm(y ~ line, family = binomial, epsilon = 1e-14)
  list(
    auc = as.numeric(ci.auc(one)), auc_logit = plogis(qlogis(value) + c(-1, 1) * width),
    paired = number(c(paired$statistic, paired$p.value, paired$conf.int)),
    youden = max(one$sensitivities + one$specificities - 1),
    sensitivity = coords(one, c(.1, .25, .5, .8, .9), input = "specificity", ret = "sensitivity",
      transpose = FALSE)$sensitivity,
    calibration = number(c(coef(shift), sqrt(vcov(shift)), coef(slope), sqrt(diag(vcov(slope))))),
    paired_t = number(c(t.test(a, b, paired = TRUE)$p.value, t.test(a, b, paired = TRUE)$conf.int)),
    two_t = c(t.test(case, control)$p.value, t.test(case, control, var.equal = TRUE)$p.value),
    signed_rank = c(wilcox.test(a - b, exact = FALSE)$p.value,
      wilcox.test(a - b, exact = FALSE, correct = FALSE)$p.value,
      pvalue(wilcoxsign_test(a ~ b, zero.method = "Pratt")),
      pvalue(wilcoxsign_test(a ~ b, zero.method = "Wilcoxon", distribution = "exact"))),
    mann_whitney = c(wilcox.test(case, control, exact = FALSE)$p.value,
      wilcox.test(case, control, exact = FALSE, correct = FALSE)$p.value),
    table = c(chisq.test(m)$p.value, chisq.test(m, correct = FALSE)$p.value,
      fisher.test(m)$p.value, mcnemar.test(m)$p.value, mcnemar.test(m, correct = FALSE)$p.value)
  )
}

mixed_of <- function(d) {
  out <- list()
  for (reml in c(TRUE, FALSE)) {
    m <- suppressMessages(lmer(y ~ x + factor(visit) + (1 | g), d, REML = reml,
      control = lmerControl(check.conv.singular = "ignore", optimizer = "nloptwrap",
        optCtrl = list(ftol_abs = 1e-14, xtol_abs = 1e-12, maxeval = 1e5))))
    s <- coef(summary(m))
    out[[if (reml) "reml" else "ml"]] <- list(coefficients = s[, 1], errors = s[, 2], df = s[, 3],
      p_values = s[, 5], log_likelihood = as.numeric(logLik(m)))
  }
  out
}

answers <- lapply(samples, function(s) list(
  survival = survival_of(as.data.frame(s$survival)), scores = scores_of(s$scores),
  mixed = mixed_of(as.data.frame(s$mixed))))
write_json(answers, paste0(here, "r_samples_answers.json"), digits = 13, auto_unbox = FALSE)
