//! Families of metrics, each with its samples.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::metrics::{Counts, Histogram, Name, Reading};

/// Names of labels with their values.
pub(super) type Labels<'a, const N: usize> = [(&'a str, &'a str); N];

/// No label at all.
pub(super) const ALONE: Labels<'static, 0> = [];

/// Writes one family after another.
pub(super) struct Writer<'a>(pub DescriptorEncoder<'a>);

impl Writer<'_> {
    /// What only grows. `_total` is put behind the name.
    pub fn counters<'l, V: EncodeCounterValue, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l, N>, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in samples {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, V, f64>(&value, None)?;
        }
        Ok(())
    }

    /// A counter for each name of `counts`, in the label `label`.
    pub fn counts<K: Name>(&mut self, name: &str, help: &str, label: &str, counts: &Counts<K>) -> fmt::Result {
        self.counters(name, help, counts.all().map(|(name, count)| ([(label, name.name())], count)))
    }

    /// What goes up and down.
    pub fn gauges<'l, V: EncodeGaugeValue, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l, N>, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in samples {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// One that has no labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.gauges(name, help, [(ALONE, value)])
    }

    /// Distributions.
    pub fn histograms<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l, N>, &'l Reading)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, reading) in samples {
            let mut sample = family.encode_family(&labels)?;
            sample.encode_histogram::<NoLabelSet>(reading.sum, reading.count, &reading.buckets, None)?;
        }
        Ok(())
    }

    /// One that has no labels.
    pub fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> fmt::Result {
        self.histograms(name, help, [(ALONE, &histogram.read())])
    }
}
